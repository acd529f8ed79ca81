// A text that must not reach a log: it prints as ***.
#ifndef HOTLINK_COMMON_SECRET_H_
#define HOTLINK_COMMON_SECRET_H_

#include <ostream>
#include <string>
#include <utility>

namespace hotlink {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  bool empty() const { return text_.empty(); }
  // For the one place that has to send it.
  const std::string& Reveal() const { return text_; }
  // For everybody else.
  std::string Text() const { return text_.empty() ? "" : "***"; }

 private:
  std::string text_;
};

// `text` with *** wherever it held the secret.
inline std::string WithoutSecret(std::string text, const Secret& secret) {
  if (secret.empty()) return text;
  for (size_t at = 0; (at = text.find(secret.Reveal(), at)) != std::string::npos; at += 3)
    text.replace(at, secret.Reveal().size(), secret.Text());
  return text;
}

inline std::ostream& operator<<(std::ostream& out, const Secret& secret) {
  return out << secret.Text();
}

}  // namespace hotlink

#endif  // HOTLINK_COMMON_SECRET_H_
