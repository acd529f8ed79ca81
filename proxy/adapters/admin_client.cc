#include "proxy/adapters/admin_client.h"

#include <curl/curl.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "proxy/adapters/admin_socket.h"

namespace hotlink {
namespace {

constexpr size_t kAnswerMax = 64 << 20;  // bytes; 10,000 channels have about 8 MiB

size_t TakeBody(char* data, size_t, size_t n, void* into) {
  auto* body = static_cast<std::string*>(into);
  if (body->size() + n > kAnswerMax) return 0;
  body->append(data, n);
  return n;
}

AdminReply Explained(CURL* curl, CURLcode code, const std::string& path) {
  long os_error = 0;
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
  AdminReply reply;
  const bool connecting = code == CURLE_COULDNT_CONNECT;
  const bool nobody = connecting && (os_error == ECONNREFUSED || os_error == ENOENT);
  reply.outcome = nobody ? AdminReply::Outcome::kNobody : AdminReply::Outcome::kFailed;
  reply.error =
      path + ": " +
      (connecting && os_error != 0 ? std::strerror(int(os_error)) : curl_easy_strerror(code));
  return reply;
}

}  // namespace

AdminReply AskAdmin(const std::string& socket, const std::string& method, const std::string& page,
                    Duration limit) {
  const auto place = FindAdminSocket(socket);
  if (!place) return {.error = place.error()};
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  AdminReply reply{.outcome = AdminReply::Outcome::kAnswered};
  const std::string url = "http://localhost" + page;
  curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, place->c_str());
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");  // whatever the environment says
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(limit / kMillisecond));
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply.body);
  if (method == "POST") curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, "");
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) return Explained(curl.get(), code, *place);
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

}  // namespace hotlink
