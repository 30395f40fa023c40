#include "base/log.h"

#include <fcntl.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/log_lines.h"

namespace starling::log {

namespace {

struct LevelCell : std::atomic<Level> {
  constexpr LevelCell() : std::atomic<Level>(Level::info) {}
  using std::atomic<Level>::operator=;
};
std::array<LevelCell, std::size(kSubsystems)> g_levels;
std::atomic<Format> g_format{Format::text};

Result<> file_trouble(const std::string& path, int error) {
  return fail(Errc::unavailable, "the log file " + path + ": " +
                                     std::error_code(error, std::generic_category()).message());
}

// Standard error, or a file that can be opened anew. A line is one write(), so that what other
// programs append to the same file does not land in the middle of it.
class Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  ~Sink() override { use(STDERR_FILENO, {}); }

  Result<> open(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return open_now(path);
  }
  Result<> reopen() {
    const std::lock_guard lock(mutex_);
    return open_now(path_);
  }
  Result<> rotate() {
    const std::lock_guard lock(mutex_);
    if (path_.empty()) return fail(Errc::invalid, "there is no log file: log_file is not set");
    if (std::rename(path_.c_str(), (path_ + ".0").c_str()) != 0) {
      return file_trouble(path_, errno);
    }
    return open_now(path_);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line(message.payload.data(), message.payload.size());
    line += '\n';
    std::string_view rest = line;
    while (!rest.empty()) {
      const ssize_t n = ::write(fd_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return;  // a full disk: there is nobody to tell
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void flush_() override {}

 private:
  Result<> open_now(const std::string& path) {
    if (path.empty()) {
      use(STDERR_FILENO, {});
      return {};
    }
    constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
    const int fd = ::open(path.c_str(), kFlags, 0640);
    if (fd < 0) return file_trouble(path, errno);
    use(fd, path);
    return {};
  }
  void use(int fd, const std::string& path) {
    if (fd_ != STDERR_FILENO) ::close(fd_);
    fd_ = fd;
    path_ = path;
  }

  int fd_ = STDERR_FILENO;
  std::string path_;  // "": standard error
};

const std::shared_ptr<Sink>& sink() {
  static const auto instance = std::make_shared<Sink>();
  return instance;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto l = std::make_shared<spdlog::logger>("starling", sink());
    l->set_level(spdlog::level::trace);
    return l;
  }();
  return *instance;
}

// What a client makes up must not fill the disk: the rest of a value is left out.
constexpr std::size_t kMaxValueBytes = 1'024;

std::string_view shortened(std::string_view value) {
  if (value.size() <= kMaxValueBytes) return value;
  std::size_t end = kMaxValueBytes;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
  return value.substr(0, end);
}

// Escapes for a JSON string; also used for text values, so that nobody can forge a log line.
void append_escaped(std::string& out, std::string_view value) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : value) {
    const auto u = static_cast<unsigned char>(c);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (u < 0x20 || u == 0x7f) {
          out += "\\u00";
          out += kHex[u >> 4];
          out += kHex[u & 15];
        } else {
          out += c;
        }
    }
  }
}

bool plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= 0x20 || u == 0x7f || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

std::string timestamp(std::int64_t micros) {
  const std::time_t seconds = micros / 1'000'000;
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, micros % 1'000'000);
}

std::string as_json(std::int64_t now_us, Level level, const Event& event,
                    std::span<const Field> fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","subsystem":"{}","event":")",
                                 timestamp(now_us), to_string(level), to_string(event.subsystem));
  append_escaped(line, event.name);
  line += '"';
  for (const auto& field : fields) {
    line += ",\"";
    append_escaped(line, field.name);
    line += "\":";
    if (field.quoted) line += '"';
    append_escaped(line, shortened(field.value));
    if (field.quoted) line += '"';
  }
  line += '}';
  return line;
}

std::string as_text(std::int64_t now_us, Level level, const Event& event,
                    std::span<const Field> fields) {
  std::string line = fmt::format("{} {:<7} {} {}", timestamp(now_us), to_string(level),
                                 to_string(event.subsystem), event.name);
  for (const auto& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    const std::string_view value = shortened(field.value);
    if (plain(value)) {
      line += value;
    } else {
      line += '"';
      append_escaped(line, value);
      line += '"';
    }
  }
  return line;
}

// The last lines, in a ring.
class Kept {
 public:
  void add(std::int64_t now_us, Level level, std::string json) {
    const std::lock_guard lock(mutex_);
    Line& place = ring_[last_++ % kMostLines];
    place = {last_, now_us, level, std::move(json)};
  }
  [[nodiscard]] Lines lines(Level least, std::uint64_t after, std::size_t limit) const {
    const std::lock_guard lock(mutex_);
    Lines found;
    found.last = last_;
    const std::uint64_t oldest = last_ > kMostLines ? last_ - kMostLines : 0;
    if (after < oldest) found.forgotten = oldest - after;
    for (std::uint64_t at = last_; at > std::max(after, oldest); --at) {
      if (found.lines.size() == limit) break;
      const Line& line = ring_[(at - 1) % kMostLines];
      if (line.level >= least) found.lines.push_back(line);
    }
    std::ranges::reverse(found.lines);
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::array<Line, kMostLines> ring_;
  std::uint64_t last_ = 0;
};
Kept& kept() {
  static Kept instance;
  return instance;
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "?";
}

std::optional<Level> level_of(std::string_view name) {
  for (const Level level : {Level::debug, Level::info, Level::warning, Level::error}) {
    if (to_string(level) == name) return level;
  }
  return std::nullopt;
}

std::optional<Subsystem> subsystem_of(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kSubsystems); ++i) {
    if (kSubsystems[i] == name) return static_cast<Subsystem>(i);
  }
  return std::nullopt;
}

Result<> configure(const Settings& settings) {
  for (const auto& [name, unused] : settings.levels) {
    if (!subsystem_of(name)) return fail(Errc::invalid, "there is no subsystem " + name);
  }
  if (auto opened = sink()->open(settings.file); !opened) return opened;
  g_format = settings.format;
  set_level(settings.level);
  for (const auto& [name, level] : settings.levels) set_level(*subsystem_of(name), level);
  return {};
}

void configure(Level level, Format format) {
  static_cast<void>(configure(Settings{level, {}, format, {}}));  // standard error is there
}

Level level(Subsystem subsystem) {
  return g_levels[static_cast<std::size_t>(subsystem)].load(std::memory_order_relaxed);
}

void set_level(Level level) {
  for (auto& one : g_levels) one = level;
}

void set_level(Subsystem subsystem, Level level) {
  g_levels[static_cast<std::size_t>(subsystem)] = level;
}

Result<> reopen() {
  return sink()->reopen();
}

Result<> rotate() {
  return sink()->rotate();
}

bool enabled(Level asked, Subsystem subsystem) {
  return asked >= level(subsystem);
}

Lines lines(Level least, std::uint64_t after, std::size_t limit) {
  return kept().lines(least, after, limit);
}

void write(Level level, Event event, std::span<const Field> fields) {
  const std::int64_t now_us = wall_clock_us();
  std::string json = as_json(now_us, level, event, fields);
  if (g_format == Format::json) {
    logger().log(spdlog::level::info, json);
  } else {
    logger().log(spdlog::level::info, as_text(now_us, level, event, fields));
  }
  kept().add(now_us, level, std::move(json));
}

}  // namespace starling::log
