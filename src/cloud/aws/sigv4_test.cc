#include "cloud/aws/sigv4.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <map>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/file_descriptor.h"

// The signatures here are botocore's (1.29), for the same requests at the same time.

namespace starling::cloud::aws {
namespace {

using std::chrono_literals::operator""s;

constexpr std::int64_t kNow = 1'795'467'900'000'000;  // 2026-11-23T21:05:00Z
constexpr const char* kForm = "application/x-www-form-urlencoded; charset=utf-8";

Credentials credentials(const std::string& token = "") {
  return {.access_key_id = "AKIDEXAMPLE",
          .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
          .session_token = token};
}

std::string value(const std::vector<Header>& headers, const std::string& name) {
  for (const auto& [key, text] : headers) {
    if (key == name) return text;
  }
  return "";
}

std::string behind(const std::string& text, const std::string& mark) {
  const auto at = text.find(mark);
  return at == std::string::npos ? "" : text.substr(at + mark.size());
}

std::string signed_form(const Target& target, const std::string& body, const Scope& scope,
                        const Credentials& by) {
  return value(sign(target, sha256_hex(body), scope, by, kNow), "Authorization");
}

TEST(SigV4Test, Now_IsTheTimeOfTheVectors) {
  EXPECT_EQ(xmpp_datetime(kNow), "2026-11-23T21:05:00Z");
}

TEST(SigV4Test, PostForm_IsSignedAsBotocoreDoes) {
  const Target target{.method = "POST",
                      .origin = "https://autoscaling.eu-west-1.amazonaws.com",
                      .headers = {{"Content-Type", kForm}}};
  EXPECT_EQ(signed_form(target,
                        "Action=DescribeAutoScalingInstances&Version=2011-01-01&InstanceIds."
                        "member.1=i-0123456789abcdef0",
                        {"eu-west-1", "autoscaling"}, credentials()),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-1/autoscaling/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=db25f8bdec2c08b66158cd501c57bea96f4dd0f09e0cb41bd2be8733582ec4fe");
}

TEST(SigV4Test, SessionToken_IsSentAndSigned_AndThePortIsOfTheHost) {
  const Target target{
      .method = "POST", .origin = "http://127.0.0.1:4566", .headers = {{"Content-Type", kForm}}};
  const auto headers = sign(target, sha256_hex("Action=PutMetricData"),
                            {"cn-north-1", "monitoring"}, credentials("IQoJ+tok/en=="), kNow);
  EXPECT_EQ(value(headers, "X-Amz-Security-Token"), "IQoJ+tok/en==");
  EXPECT_EQ(value(headers, "X-Amz-Date"), "20261123T210500Z");
  EXPECT_EQ(behind(value(headers, "Authorization"), "SignedHeaders="),
            "content-type;host;x-amz-date;x-amz-security-token, "
            "Signature=9a02d10ecfe1a2622eab4c2e9818abf91b076a1cc4f477eaea367b59274761cd");
}

TEST(SigV4Test, PathQueryAndSpacesInHeaders_AreCanonical) {
  const Target target{
      .origin = "https://example.amazonaws.com",
      .path = "/a b/\u00e9",
      .query = {{"Param2", "value two"}, {"Param1", "a/b~c"}, {"Param1", "A"}, {"empty", ""}},
      .headers = {{"My-Header1", "  a   b  c "}}};
  EXPECT_EQ(url_of(target),
            "https://example.amazonaws.com/a%20b/%C3%A9?Param1=A&Param1=a%2Fb~c&Param2=value%20two"
            "&empty=");
  EXPECT_EQ(behind(signed_form(target, "", {"us-east-1", "service"}, credentials()), "Signature="),
            "d401ba1ff78a1b4518be85d1602900ed10a675c17b17c18ac66fb5b6183694ec");
}

TEST(SigV4Test, S3_TakesThePathAsItIsSent) {
  const Target target{
      .method = "PUT",
      .origin = "https://uploads.s3.eu-west-1.amazonaws.com",
      .path = "/a b/caf\u00e9+(.txt",
      .headers = {{"Content-Type", "text/plain"}, {"X-Amz-Content-SHA256", sha256_hex("hello")}}};
  EXPECT_EQ(url_of(target), "https://uploads.s3.eu-west-1.amazonaws.com/a%20b/caf%C3%A9%2B%28.txt");
  EXPECT_EQ(behind(signed_form(target, "hello", {"eu-west-1", "s3"}, credentials()), "Signature="),
            "0abb85eb152862919f064f03fb6a8e83e8117cf6f3573fbab5fe3f2932072f72");
}

TEST(SigV4Test, PresignedUpload_IsAsBotocoreMakesIt) {
  const std::string url =
      presign({.method = "PUT",
               .origin = "https://uploads.s3.eu-west-1.amazonaws.com",
               .path = "/slot/caf\u00e9 +(.txt",
               .headers = {{"Content-Length", "1234"}, {"Content-Type", "image/png"}}},
              {"eu-west-1", "s3"}, credentials("tok/en+=="), kNow, 300s);
  EXPECT_TRUE(url.starts_with(
      "https://uploads.s3.eu-west-1.amazonaws.com/slot/caf%C3%A9%20%2B%28.txt?X-Amz-Algorithm="
      "AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261123%2Feu-west-1%2Fs3%2Faws4_request"))
      << url;
  EXPECT_NE(url.find("&X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost"),
            std::string::npos);
  EXPECT_NE(url.find("&X-Amz-Security-Token=tok%2Fen%2B%3D%3D"), std::string::npos);
  EXPECT_EQ(behind(url, "&X-Amz-Signature="),
            "4683497c80607e97f7e9d0e0582653af102b1ec90e4101bdf8bb8d3fa8598244");
}

TEST(SigV4Test, PresignedDownload_KeepsItsOwnQuery) {
  const std::string url =
      presign({.origin = "https://uploads.s3.eu-west-1.amazonaws.com",
               .path = "/slot/x.txt",
               .query = {{"response-content-disposition", "attachment; filename=\"a.txt\""}}},
              {"eu-west-1", "s3"}, credentials(), kNow, 604'800s);
  EXPECT_EQ(behind(url, "&X-Amz-Signature="),
            "c929cfc53d9c8f963149f026ce8a1e8da4376d3fb1bf96b19ee7bba1c01dbb0b");
}

TEST(SigV4Test, PresignedQueryOfAnotherService_SignsThatThereIsNoBody) {
  const std::string url =
      presign({.origin = "https://sts.us-east-1.amazonaws.com",
               .query = {{"Action", "GetCallerIdentity"}, {"Version", "2011-06-15"}}},
              {"us-east-1", "sts"}, credentials(), kNow, 60s);
  EXPECT_EQ(behind(url, "&X-Amz-Signature="),
            "a6a37a094d316fdba67e8449ab2818c6b10e30df939ff562782a88a72db6bc31");
}

TEST(SigV4Test, UsualPort_IsNoPartOfTheHost) {
  const auto authorization = [](const std::string& origin) {
    return signed_form({.method = "POST", .origin = origin}, "", {"r", "s"}, credentials());
  };
  EXPECT_EQ(authorization("https://h:443"), authorization("https://h"));
  EXPECT_EQ(authorization("http://h:80"), authorization("http://h"));
  EXPECT_NE(authorization("http://h:443"), authorization("http://h"));
}

// Takes one request, and answers it with nothing.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_.get(), 1), 0);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this] { take(); });
  }
  ~Listener() {
    if (thread_.joinable()) thread_.join();
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // The header of this name in the request that came.
  std::string header(const std::string& name) {
    if (thread_.joinable()) thread_.join();
    const std::string rest = behind(request_, "\r\n" + name + ": ");
    return rest.substr(0, rest.find("\r\n"));
  }

  int port = 0;

 private:
  void take() {
    const FileDescriptor peer(::accept(socket_.get(), nullptr, nullptr));
    char bytes[4'096];
    while (!request_.contains("\r\n\r\n")) {
      const auto got = ::recv(peer.get(), bytes, sizeof bytes, 0);
      if (got <= 0) return;
      request_.append(bytes, static_cast<std::size_t>(got));
    }
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(answer.size()));
  }

  FileDescriptor socket_;
  std::string request_;
  std::thread thread_;
};

TEST(SigV4Test, PostForm_IsSignedAsLibcurlDoes) {
  const std::string body = "Action=CompleteLifecycleAction&Version=2011-01-01&Note=a%20b";
  const Credentials by = credentials("to+ken/==");
  Listener listener;
  const std::string origin = "http://127.0.0.1:" + std::to_string(listener.port);
  CURL* curl = curl_easy_init();
  curl_slist* headers = curl_slist_append(nullptr, (std::string("Content-Type: ") + kForm).c_str());
  headers = curl_slist_append(headers, ("X-Amz-Security-Token: " + by.session_token).c_str());
  curl_easy_setopt(curl, CURLOPT_URL, (origin + "/").c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, "aws:amz:eu-west-1:autoscaling");
  curl_easy_setopt(curl, CURLOPT_USERNAME, by.access_key_id.c_str());
  curl_easy_setopt(curl, CURLOPT_PASSWORD, by.secret_access_key.c_str());
  const CURLcode sent = curl_easy_perform(curl);
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  ASSERT_EQ(sent, CURLE_OK);

  std::string at = listener.header("X-Amz-Date");  // 20261123T210500Z
  ASSERT_EQ(at.size(), 16U);
  const std::string time = at.substr(0, 4) + "-" + at.substr(4, 2) + "-" + at.substr(6, 5) + ":" +
                           at.substr(11, 2) + ":" + at.substr(13);
  const auto ours =
      sign({.method = "POST", .origin = origin, .headers = {{"Content-Type", kForm}}},
           sha256_hex(body), {"eu-west-1", "autoscaling"}, by, parse_xmpp_datetime(time).value());
  EXPECT_EQ(value(ours, "X-Amz-Date"), at);
  EXPECT_EQ(value(ours, "Authorization"), listener.header("Authorization"));
}

}  // namespace
}  // namespace starling::cloud::aws
