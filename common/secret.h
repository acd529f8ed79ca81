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

inline std::ostream& operator<<(std::ostream& out, const Secret& secret) {
  return out << secret.Text();
}

}  // namespace hotlink

#endif  // HOTLINK_COMMON_SECRET_H_
