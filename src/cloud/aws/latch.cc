#include "cloud/aws/latch.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/file_descriptor.h"

namespace starling::cloud::aws {

namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string last_error() {
  return std::error_code(errno, std::generic_category()).message();
}

}  // namespace

std::string boot_id() {
  std::string text = content_of("/proc/sys/kernel/random/boot_id");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::optional<Latch> parse_latch(const std::string& text, const std::string& boot) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto of = json.find("boot");
  if (of == json.end() || !of->is_string() || *of != boot) return std::nullopt;
  Latch latch;
  if (const auto reason = json.find("reason"); reason != json.end() && reason->is_string()) {
    latch.reason = *reason;
  }
  if (const auto until = json.find("until_us"); until != json.end() && until->is_number_integer()) {
    latch.until_us = until->get<std::int64_t>();
  }
  if (const auto done = json.find("completed"); done != json.end() && done->is_boolean()) {
    latch.completed = *done;
  }
  return latch;
}

Latch LatchFile::read() const {
  return parse_latch(content_of(path()), boot_).value_or(Latch());
}

Result<> LatchFile::write(const Latch& latch) const {
  nlohmann::json json{{"boot", boot_}, {"reason", latch.reason}, {"completed", latch.completed}};
  if (latch.until_us) json["until_us"] = *latch.until_us;
  const std::string text = json.dump(1) + "\n";
  std::error_code ignored;
  std::filesystem::create_directories(folder_, ignored);
  const std::string fresh = path() + ".new";
  FileDescriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.is_open()) return fail(Errc::unavailable, fresh + ": " + last_error());
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file.get()) != 0 || std::rename(fresh.c_str(), path().c_str()) != 0) {
    return fail(Errc::unavailable, path() + ": " + last_error());
  }
  const FileDescriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.is_open()) ::fsync(folder.get());
  return {};
}

}  // namespace starling::cloud::aws
