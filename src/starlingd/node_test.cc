#include "starlingd/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "starlingd/certificates.h"
#include "store/test_support.h"

namespace starling::starlingd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class NodeTest : public ::testing::Test {
 protected:
  // A node of its own folder, on a free port of the loopback.
  config::Config config(const std::string& name) const {
    config::Config config;
    config.listen.resize(1);
    config.listen[0].ip = "127.0.0.1";
    config.listen[0].port = 0;
    config.data_dir = folder_ / name;
    config.ctl_socket = config.data_dir + "/ctl.sock";
    config.workers = 2;
    return config;
  }
  // Why a node with this configuration does not start.
  static Error refusal(const config::Config& config) {
    Node node(config, [] {});
    const auto started = node.start();
    EXPECT_TRUE(node.stop());
    EXPECT_FALSE(started);
    return started ? Error{} : started.error();
  }

  static Result<std::vector<std::string>> reload(Node& node) {
    Result<std::vector<std::string>> lines;
    node.run_on_first_worker([&](core::Server&) -> Task<void> { lines = co_await node.reload(); });
    return lines;
  }

  TemporaryFolder folder_;
};

TEST_F(NodeTest, StartAndStop_LeaveAFolderThatStartsAgain) {
  for (int i = 0; i < 2; ++i) {
    Node node(config("a"), [] {});
    const auto started = node.start();
    ASSERT_TRUE(started) << started.error().message;
    EXPECT_NE(node.port_of_first_listener(), 0);
    EXPECT_TRUE(std::filesystem::is_socket(config("a").ctl_socket));
    EXPECT_TRUE(reload(node));
    EXPECT_TRUE(node.stop());
  }
  EXPECT_FALSE(std::filesystem::exists(config("a").ctl_socket));
}

TEST_F(NodeTest, SecondNodeOnOneFolder_IsRefused) {
  Node first(config("a"), [] {});
  ASSERT_TRUE(first.start());
  EXPECT_THAT(refusal(config("a")).message,
              AllOf(HasSubstr("a/starling.db is in use by another process"), HasSubstr("pid ")));
  EXPECT_TRUE(std::filesystem::is_socket(config("a").ctl_socket)) << "the first one's";
  EXPECT_TRUE(first.stop());
}

TEST_F(NodeTest, PortThatIsTaken_IsNamedWithAdvice) {
  Node first(config("a"), [] {});
  ASSERT_TRUE(first.start());
  config::Config second = config("b");
  second.listen[0].port = first.port_of_first_listener();
  EXPECT_THAT(refusal(second).message,
              AllOf(HasSubstr("127.0.0.1 port " + std::to_string(second.listen[0].port)),
                    HasSubstr("in use"), HasSubstr("ss -ltnp")));
  EXPECT_TRUE(first.stop());
}

TEST_F(NodeTest, DataDirThatCannotBe_IsNamed) {
  std::ofstream(folder_ / "file") << "x";
  for (const std::string name : {"file", "file/below"}) {
    EXPECT_THAT(refusal(config(name)).message,
                AllOf(HasSubstr("data_dir: "), HasSubstr(name), HasSubstr("Not a directory")));
  }
}

TEST_F(NodeTest, SocketPathOfAnotherFile_IsRefusedAndTheFileKept) {
  config::Config config = this->config("a");
  config.ctl_socket = folder_ / "precious";
  std::ofstream(config.ctl_socket) << "x";
  EXPECT_THAT(refusal(config).message, HasSubstr("is there already and is no socket"));
  EXPECT_EQ(std::filesystem::file_size(config.ctl_socket), 1U);
  config.ctl_socket = folder_ / "nowhere/ctl.sock";
  EXPECT_THAT(refusal(config).message, HasSubstr("ctl_socket: there is no folder "));
}

TEST_F(NodeTest, CertificateThatCannotBeUsed_IsNamed) {
  config::Config config = this->config("a");
  config.certfiles = {folder_ / "missing.pem"};
  EXPECT_THAT(refusal(config).message,
              AllOf(HasSubstr("certfiles: "), HasSubstr("missing.pem: cannot be read")));
  std::ofstream(config.certfiles[0]) << "junk";
  EXPECT_THAT(refusal(config).message, HasSubstr("missing.pem: holds no usable certificate"));
}

TEST_F(NodeTest, ReloadOfBadCertificates_LeavesTheOldOnes) {
  config::Config config = this->config("a");
  config.certfiles = {folder_ / "c.pem"};
  ASSERT_TRUE(net::make_self_signed(config.certfiles[0], "localhost"));
  Node node(config, [] {});
  ASSERT_TRUE(node.start());
  std::ofstream(config.certfiles[0]) << "junk";
  EXPECT_FALSE(reload(node));
  EXPECT_TRUE(node.stop());
}

TEST_F(NodeTest, ReloadOfAnotherDataDir_TouchesItNotBeforeTheRestart) {
  const config::Config config = this->config("a");
  Node node(
      config, [] {},
      [&] {
        config::Config fresh = config;
        fresh.data_dir = folder_ / "b";
        return Result<config::Config>(fresh);
      });
  ASSERT_TRUE(node.start());
  const auto lines = reload(node);
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_THAT(*lines,
              testing::ElementsAre(AllOf(HasSubstr("data_dir: "), HasSubstr("(after a restart)"))));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "b"));
  EXPECT_TRUE(node.stop());
}

TEST_F(NodeTest, ReloadWithItsOwnListenerInTheWay_SaysSo) {
  config::Config config = this->config("a");
  Node node(config, [] {}, [&] { return Result<config::Config>(config); });
  ASSERT_TRUE(node.start());
  config.listen[0].ip = "0.0.0.0";
  config.listen[0].port = node.port_of_first_listener();
  const auto lines = reload(node);
  ASSERT_FALSE(lines);
  EXPECT_THAT(lines.error().message,
              AllOf(HasSubstr("own listener on 127.0.0.1 is in the way"), HasSubstr("restart")));
  EXPECT_TRUE(node.stop());
}

// Signs the certificate and key of a PEM file anew, as expired since yesterday.
void let_expire(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "r+");
  X509* certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
  EVP_PKEY* key = PEM_read_PrivateKey(file, nullptr, nullptr, nullptr);
  constexpr long kDay = 86'400;
  X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), -kDay);
  ASSERT_NE(X509_sign(certificate, key, EVP_sha256()), 0);
  std::rewind(file);
  PEM_write_X509(file, certificate);
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

class CertificatesTest : public NodeTest {};

TEST_F(CertificatesTest, HostWithoutOne_GetsItsOwnAndKeepsIt) {
  config::Config config = this->config("a");
  config.hosts = {"a.example", "b.example"};
  config.certfiles = {folder_ / "a.pem"};
  ASSERT_TRUE(net::make_self_signed(config.certfiles[0], "a.example"));
  const auto first = load_certificates(config);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->size(), 2U);
  EXPECT_TRUE((*first)[0]->matches("a.example"));
  EXPECT_TRUE((*first)[1]->matches("b.example"));
  EXPECT_EQ((*first)[1]->path(), folder_ / "a/certs/b.example.pem");
  struct stat status{};
  ASSERT_EQ(::stat((*first)[1]->path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const auto again = load_certificates(config);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)[1]->end_point_hash(), (*first)[1]->end_point_hash());
}

TEST_F(CertificatesTest, CiphersThatAreNone_AreRefusedWithoutAnyFile) {
  config::Config config = this->config("a");
  config.tls_ciphers = "NO-SUCH-CIPHER";
  const auto table = load_certfiles(config);
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().message, HasSubstr("tls_ciphers"));
}

TEST_F(CertificatesTest, OwnOneThatExpired_IsMadeAnew) {
  const config::Config config = this->config("a");
  const auto first = load_certificates(config);
  ASSERT_TRUE(first) << first.error().message;
  let_expire((*first)[0]->path());
  const auto again = load_certificates(config);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_GT((*again)[0]->not_after(), std::time(nullptr));
}

TEST_F(CertificatesTest, NamedOneThatExpired_IsServedAllTheSame) {
  config::Config config = this->config("a");
  config.certfiles = {folder_ / "a.pem"};
  ASSERT_TRUE(net::make_self_signed(config.certfiles[0], "localhost"));
  let_expire(config.certfiles[0]);
  const auto table = load_certificates(config);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(config.data_dir)) << "nothing was made beside it";
}

}  // namespace
}  // namespace starling::starlingd
