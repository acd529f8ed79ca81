// A value or the reason why there is none. Nothing in this project throws across a module edge.
#ifndef HOTLINK_COMMON_RESULT_H_
#define HOTLINK_COMMON_RESULT_H_

#include <string>
#include <utility>
#include <variant>

namespace hotlink {

// What went wrong, in words that name the culprit and, where there is one, the way out.
struct Error {
  std::string text;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok().
  T& value() { return std::get<T>(state_); }
  const T& value() const { return std::get<T>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // REQUIRES: !ok().
  const std::string& error() const { return std::get<Error>(state_).text; }

 private:
  std::variant<T, Error> state_;
};

}  // namespace hotlink

#endif  // HOTLINK_COMMON_RESULT_H_
