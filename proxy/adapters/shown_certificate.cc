#include "proxy/adapters/shown_certificate.h"

#include <arpa/inet.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>

#include "common/plain_text.h"
#include "common/utc_time.h"

namespace hotlink {
namespace {

constexpr size_t kNamesShown = 300;    // bytes of all names: a certificate may have hundreds
constexpr size_t kSubjectShown = 120;  // bytes of a subject or issuer

std::string NameText(const X509_NAME* name) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ) < 0)
    return "?";
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return PlainText({text, static_cast<size_t>(size)}, kSubjectShown);
}

std::string TimeText(const ASN1_TIME* time) {
  tm utc{};
  if (ASN1_TIME_to_tm(time, &utc) != 1) return "?";
  return UtcText(int64_t{timegm(&utc)} * 1'000'000);
}

// Empty where a server's name does not have this form.
std::string AlternativeName(const GENERAL_NAME* name) {
  int type = 0;
  const auto* value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(name, &type));
  if (type != GEN_DNS && type != GEN_IPADD) return "";
  const unsigned char* data = ASN1_STRING_get0_data(value);
  const auto size = static_cast<size_t>(ASN1_STRING_length(value));
  if (type == GEN_DNS) return {reinterpret_cast<const char*>(data), size};
  std::array<char, INET6_ADDRSTRLEN> text;
  const int family = size == sizeof(in6_addr) ? AF_INET6 : AF_INET;
  if (family == AF_INET && size != sizeof(in_addr)) return "";
  return inet_ntop(family, data, text.data(), text.size()) ? text.data() : "";
}

std::string ServerNames(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::string list;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const std::string name = AlternativeName(sk_GENERAL_NAME_value(names.get(), i));
    if (!name.empty()) list += (list.empty() ? "" : ", ") + name;
  }
  return PlainText(list, kNamesShown);
}

ShownCertificate::Fault FaultOf(int error) {
  using Fault = ShownCertificate::Fault;
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return Fault::kExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Fault::kNotYetValid;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return Fault::kUnknownAuthority;
    default:
      return Fault::kOther;
  }
}

// OpenSSL callback: for every certificate of the chain, with its verdict, which stays.
int OnCertificate(int accepted, X509_STORE_CTX* store) {
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* shown = static_cast<ShownCertificate*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  X509* const certificate = X509_STORE_CTX_get_current_cert(store);
  if (certificate == nullptr) return accepted;
  if (X509_STORE_CTX_get_error_depth(store) == 0) shown->names = ServerNames(certificate);
  if (accepted == 0) {
    shown->fault = FaultOf(X509_STORE_CTX_get_error(store));
    shown->subject = NameText(X509_get_subject_name(certificate));
    shown->issuer = NameText(X509_get_issuer_name(certificate));
    shown->valid_from = TimeText(X509_get0_notBefore(certificate));
    shown->valid_until = TimeText(X509_get0_notAfter(certificate));
  }
  return accepted;
}

}  // namespace

void NoteCertificate(SSL_CTX* context, ShownCertificate* shown) {
  SSL_CTX_set_app_data(context, shown);
  SSL_CTX_set_verify(context, SSL_CTX_get_verify_mode(context), OnCertificate);
}

}  // namespace hotlink
