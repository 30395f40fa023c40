#include "http/static_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <string>

namespace starling::http {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPage = "<!doctype html><p>0123456789";

std::string gzip(std::string_view plain) {
  std::string out(256, '\0');
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

class StaticFilesTest : public testing::Test {
 protected:
  std::string page_ = gzip(kPage);
  std::array<StaticFile, 2> list_{StaticFile{"index.html", page_, "abc"},
                                  StaticFile{"assets/main-1.js", page_, "def"}};
  StaticFiles files_{"/admin/", list_, "default-src 'self'"};

  Response get(std::string path, Fields fields = {}) {
    Request request;
    request.method = "GET";
    request.path = std::move(path);
    request.fields = std::move(fields);
    return files_.get(request);
  }
};

TEST_F(StaticFilesTest, Plain_ForWhoTakesNothingElse) {
  const Response response = get("/admin/");
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.body, kPage);
  EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(response.fields.get("Content-Security-Policy"), "default-src 'self'");
  EXPECT_EQ(response.fields.get("Cache-Control"), "no-cache");
  EXPECT_EQ(get("/admin/", {{"Accept-Encoding", "gzip;q=0"}}).body, kPage);
}

TEST_F(StaticFilesTest, Compressed_ForWhoTakesIt) {
  const Response response = get("/admin/assets/main-1.js", {{"Accept-Encoding", "br, gzip"}});
  EXPECT_EQ(response.body, page_);
  EXPECT_EQ(response.fields.get("Content-Encoding"), "gzip");
  EXPECT_THAT(std::string(response.fields.get("Cache-Control")), HasSubstr("immutable"));
}

TEST_F(StaticFilesTest, NotAgain_IfItIsThereAlready) {
  EXPECT_EQ(get("/admin/", {{"If-None-Match", "\"x\", \"abc\""}}).status, 304U);
  EXPECT_EQ(get("/admin/", {{"If-None-Match", "\"abc-gzip\""}}).status, 200U);
}

TEST_F(StaticFilesTest, Ranges) {
  const auto part = [&](std::string range) { return get("/admin/", {{"Range", range}}); };
  EXPECT_EQ(part("bytes=0-8").body, "<!doctype");
  EXPECT_EQ(part("bytes=0-8").status, 206U);
  EXPECT_EQ(part("bytes=-3").body, "789");
  EXPECT_EQ(part("bytes=25-").body, "789");
  EXPECT_EQ(part("bytes=25-99").fields.get("Content-Range"), "bytes 25-27/28");
  EXPECT_EQ(part("bytes=28-").status, 416U);
  EXPECT_EQ(part("bytes=28-").fields.get("Content-Range"), "bytes */28");
  for (const char* all : {"bytes=0-1,3-4", "bytes=5-2", "bytes=", "bytes=x-1", "lines=1-2"}) {
    EXPECT_EQ(part(all).status, 200U) << all;
    EXPECT_EQ(part(all).body, kPage) << all;
  }
  EXPECT_EQ(get("/admin/", {{"Range", "bytes=0-1"}, {"If-Range", "\"old\""}}).status, 200U);
}

TEST_F(StaticFilesTest, WhatIsNotThere) {
  EXPECT_EQ(get("/admin/assets/gone-2.js").status, 404U);
  EXPECT_EQ(get("/other").status, 404U);
}

}  // namespace
}  // namespace starling::http
