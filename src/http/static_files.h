// StaticFiles: files that are part of the program, such as pages.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "http/routes.h"

namespace starling::http {

// One file, as the build has embedded it (cmake/pages.cmake).
struct StaticFile {
  std::string_view path;  // below its folder: "assets/main-4f2a.js"
  std::string_view gzip;  // its content, compressed (RFC 1952)
  std::string_view etag;  // of the content, without quotes
};

// Answers GET for the files of one folder: compressed if the client takes that, parts of it
// (RFC 9110 section 14), and 304 if it has it already. What has a hash in its name is kept by
// clients for good, everything else is asked for again each time.
class StaticFiles {
 public:
  // `prefix` is where the folder is: "/admin/". `policy` is the Content-Security-Policy of its
  // pages.
  StaticFiles(std::string prefix, std::span<const StaticFile> files, std::string policy);

  [[nodiscard]] Response get(const Request& request) const;

 private:
  [[nodiscard]] const StaticFile* find(std::string_view path) const;

  const std::string prefix_;
  const std::string policy_;
  std::map<std::string_view, const StaticFile*> files_;
};

// "text/html; charset=utf-8" of "index.html".
[[nodiscard]] std::string_view content_type(std::string_view path);

}  // namespace starling::http
