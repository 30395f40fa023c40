#include "http/static_files.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace starling::http {

namespace {

// Of what we compressed ourselves.
std::string inflated(std::string_view gzip) {
  std::string plain;
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) return plain;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  std::array<char, 65'536> piece;
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = piece.size();
    state = ::inflate(&stream, Z_NO_FLUSH);
    plain.append(piece.data(), piece.size() - stream.avail_out);
  }
  ::inflateEnd(&stream);
  return plain;
}

struct Range {
  std::size_t first;
  std::size_t last;  // inclusive
};

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Of "bytes=0-499", "bytes=500-" or "bytes=-500". nullopt: none that we know, so all is sent
// (several ranges are allowed to be answered so). first > last: it cannot be satisfied.
std::optional<Range> range_of(std::string_view field, std::size_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!field.starts_with(kUnit)) return std::nullopt;
  field.remove_prefix(kUnit.size());
  const auto dash = field.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = number(field.substr(0, dash));
  const auto last = number(field.substr(dash + 1));
  if (dash == 0) {
    if (!last) return std::nullopt;
    if (*last == 0 || size == 0) return Range{1, 0};
    return Range{size - std::min(*last, size), size - 1};
  }
  if (!first || (!last && dash + 1 != field.size())) return std::nullopt;
  if (last && *last < *first) return std::nullopt;
  if (*first >= size) return Range{1, 0};
  return Range{*first, std::min(last.value_or(size - 1), size - 1)};
}

// "main-B4kq9x2Z.js": what the bundler names so never changes.
bool has_hash(std::string_view path) {
  return path.starts_with("assets/");
}

}  // namespace

std::string_view content_type(std::string_view path) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kTypes{{
      {"html", "text/html; charset=utf-8"},
      {"js", "text/javascript; charset=utf-8"},
      {"css", "text/css; charset=utf-8"},
      {"json", "application/json"},
      {"map", "application/json"},
      {"svg", "image/svg+xml"},
      {"png", "image/png"},
      {"jpg", "image/jpeg"},
      {"webp", "image/webp"},
      {"ico", "image/x-icon"},
      {"woff", "font/woff"},
      {"woff2", "font/woff2"},
      {"mp3", "audio/mpeg"},
      {"ogg", "audio/ogg"},
      {"txt", "text/plain; charset=utf-8"},
  }};
  const std::string_view extension = path.substr(path.rfind('.') + 1);
  const auto found =
      std::ranges::find(kTypes, extension, &std::pair<std::string_view, std::string_view>::first);
  return found == kTypes.end() ? "application/octet-stream" : found->second;
}

StaticFiles::StaticFiles(std::string prefix, std::span<const StaticFile> files, std::string policy)
    : prefix_(std::move(prefix)), policy_(std::move(policy)) {
  for (const StaticFile& file : files) files_[file.path] = &file;
}

const StaticFile* StaticFiles::find(std::string_view path) const {
  const auto found = files_.find(path.empty() ? "index.html" : path);
  return found == files_.end() ? nullptr : found->second;
}

Response StaticFiles::get(const Request& request) const {
  const std::string_view path = request.path;
  const StaticFile* file = path.starts_with(prefix_) ? find(path.substr(prefix_.size())) : nullptr;
  if (file == nullptr) return problem(404);

  Response response;
  response.content_type = content_type(file->path);
  response.fields.add("Content-Security-Policy", policy_);
  response.fields.add("Cache-Control",
                      has_hash(file->path) ? "public, max-age=31536000, immutable" : "no-cache");
  // Another one for what is not compressed: they are different bytes.
  const std::string_view range = request.fields.get("Range");
  const bool compressed = range.empty() && request.fields.lists("Accept-Encoding", "gzip");
  const std::string etag = '"' + std::string(file->etag) + (compressed ? "-gzip\"" : "\"");
  response.fields.add("ETag", etag);
  response.fields.add("Vary", "Accept-Encoding");
  response.fields.add("Accept-Ranges", "bytes");
  if (request.fields.lists("If-None-Match", etag)) {
    response.status = 304;
    return response;
  }
  if (compressed) {
    response.fields.add("Content-Encoding", "gzip");
    response.body = file->gzip;
    return response;
  }
  response.body = inflated(file->gzip);
  const std::string_view condition = request.fields.get("If-Range");
  if (range.empty() || (!condition.empty() && condition != etag)) return response;
  const std::size_t size = response.body.size();
  const auto part = range_of(range, size);
  if (!part) return response;
  if (part->first > part->last) {
    Response unsatisfied = problem(416);
    unsatisfied.fields.add("Content-Range", "bytes */" + std::to_string(size));
    return unsatisfied;
  }
  response.status = 206;
  response.fields.add("Content-Range", "bytes " + std::to_string(part->first) + '-' +
                                           std::to_string(part->last) + '/' + std::to_string(size));
  response.body = response.body.substr(part->first, part->last - part->first + 1);
  return response;
}

}  // namespace starling::http
