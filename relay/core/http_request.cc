#include "relay/core/http_request.h"

#include <algorithm>
#include <charconv>

#include "relay/core/limits.h"

namespace hotlink {
namespace {

// Undoes the escapes of a query; what is no escape stays as it is.
std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      plain += static_cast<char>(value);
      i += 2;
    } else {
      plain += text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

}  // namespace

const std::string* HttpRequest::Header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& header) { return header.first == name; });
  return found == headers.end() ? nullptr : &found->second;
}

std::optional<std::string> HttpRequest::Parameter(std::string_view name) const {
  for (std::string_view rest = query; !rest.empty();) {
    const size_t end = rest.find('&');
    const std::string_view each = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    const size_t equals = each.find('=');
    if (equals != each.npos && Unescape(each.substr(0, equals)) == name)
      return Unescape(each.substr(equals + 1));
  }
  return std::nullopt;
}

struct HttpRequestParser::Callbacks {
  static HttpRequestParser& Of(http_parser* parser) {
    return *static_cast<HttpRequestParser*>(parser->data);
  }

  static int OnTarget(http_parser* parser, const char* at, size_t size) {
    HttpRequestParser& self = Of(parser);
    self.target_.append(at, size);
    return self.Count(size) ? 0 : 1;
  }
  static int OnName(http_parser* parser, const char* at, size_t size) {
    HttpRequestParser& self = Of(parser);
    if (std::exchange(self.in_value_, false)) self.request_.headers.emplace_back();
    std::string& name = self.request_.headers.back().first;
    for (size_t i = 0; i < size; ++i)
      name += at[i] >= 'A' && at[i] <= 'Z' ? static_cast<char>(at[i] - 'A' + 'a') : at[i];
    return self.Count(size) ? 0 : 1;
  }
  static int OnValue(http_parser* parser, const char* at, size_t size) {
    HttpRequestParser& self = Of(parser);
    self.in_value_ = true;
    self.request_.headers.back().second.append(at, size);
    return self.Count(size) ? 0 : 1;
  }
  static int OnHead(http_parser* parser) {
    HttpRequestParser& self = Of(parser);
    HttpRequest& request = self.request_;
    request.method = http_method_str(static_cast<http_method>(parser->method));
    const size_t mark = self.target_.find('?');
    request.path = self.target_.substr(0, mark);
    if (mark != std::string::npos) request.query = self.target_.substr(mark + 1);
    request.upgrade = parser->upgrade != 0;
    const bool announced = (parser->flags & F_CONTENTLENGTH) != 0;
    return announced && parser->content_length > kMaxRequestBody ? self.RefuseBody() : 0;
  }
  static int OnBody(http_parser* parser, const char* at, size_t size) {
    HttpRequestParser& self = Of(parser);
    if (size > kMaxRequestBody - self.request_.body.size()) return self.RefuseBody();
    self.request_.body.append(at, size);
    return 0;
  }
  static int OnWhole(http_parser* parser) {
    Of(parser).whole_ = true;
    http_parser_pause(parser, 1);  // a second request is none of ours
    return 0;
  }
};

HttpRequestParser::HttpRequestParser() {
  http_parser_init(&parser_, HTTP_REQUEST);
  parser_.data = this;
}

HttpRequestParser::Status HttpRequestParser::Take(ByteView bytes, size_t* taken) {
  static const http_parser_settings kSettings = [] {
    http_parser_settings settings{};
    settings.on_url = Callbacks::OnTarget;
    settings.on_header_field = Callbacks::OnName;
    settings.on_header_value = Callbacks::OnValue;
    settings.on_headers_complete = Callbacks::OnHead;
    settings.on_body = Callbacks::OnBody;
    settings.on_message_complete = Callbacks::OnWhole;
    return settings;
  }();
  const std::string_view text = AsText(bytes);
  *taken = http_parser_execute(&parser_, &kSettings, text.data(), text.size());
  if (whole_) return Status::kRequest;
  const auto error = HTTP_PARSER_ERRNO(&parser_);
  if (error == HPE_OK) return Status::kNeedMore;
  if (refusal_.status.empty()) {
    refusal_ = {
        error == HPE_HEADER_OVERFLOW ? "431 Request Header Fields Too Large" : "400 Bad Request",
        std::string(http_errno_description(error)) + "\n"};
  }
  return Status::kRefused;
}

bool HttpRequestParser::Count(size_t bytes) {
  head_ += bytes;
  if (head_ <= kMaxRequestHead) return true;
  refusal_ = {"431 Request Header Fields Too Large",
              "request line and headers may have " + std::to_string(kMaxRequestHead) + " bytes\n"};
  return false;
}

int HttpRequestParser::RefuseBody() {
  refusal_ = {"413 Content Too Large",
              "the body may have " + std::to_string(kMaxRequestBody) + " bytes\n"};
  return -1;
}

}  // namespace hotlink
