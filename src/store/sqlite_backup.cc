#include "store/sqlite_backup.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "store/sqlite_copy.h"

namespace starling::store::sqlite {

namespace {

// After each part, which takes about as long: the disk and a processor are free half of the time.
constexpr std::chrono::milliseconds kPause{2};

}  // namespace

Task<Result<Backup>> Backups::backup(std::string target) {
  auto job = [this, target = std::move(target)] { return run(target); };
  co_return co_await thread_.run(std::move(job));
}

void Backups::cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  wake_.notify_all();
}

bool Backups::pause() {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, kPause, [this] { return cancelled_; });
}

Result<Backup> Backups::run(const std::string& target) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(target, ignored))) {
    return fail(Errc::exists, target + " is there already; name a new file");
  }
  auto source = Connection::open(path_, options_);
  if (!source) return std::unexpected(source.error());
  const std::string incomplete = target + ".incomplete";
  ::unlink(incomplete.c_str());  // of a process that ended: there is one backup at a time
  auto copied = copy_database(*source, incomplete, [this] { return pause(); });
  if (!copied) return copied;
  if (auto named = rename_new(incomplete, target); !named) {
    ::unlink(incomplete.c_str());
    return std::unexpected(named.error());
  }
  return copied;
}

}  // namespace starling::store::sqlite
