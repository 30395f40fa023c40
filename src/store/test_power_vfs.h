// PowerDisk: an SQLite VFS for tests that knows what a power cut would leave on the disk.
//
// It passes everything on to the system's VFS, so the files in the folder are what the page cache
// shows; beside them it keeps what is certain: the bytes of files as of their last sync, and the
// folder as of its last sync. At the n-th operation that changes something the power goes: that one
// and every later call fails, and survivors() writes into another folder what is left. A SIGKILL,
// in contrast, leaves the page cache.
//
// Nothing is really synced, so a test is fast. Thread-safe. One at a time: its name is kName.
#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace starling::store {

class PowerDisk {
 public:
  static constexpr const char* kName = "power";

  struct Options {
    std::uint64_t power_goes_at = 0;  // the operation that fails first; 0: none
    bool syncs_are_lost = false;      // as if with synchronous=OFF, or on a disk that lies
  };
  explicit PowerDisk(Options options);
  ~PowerDisk() { sqlite3_vfs_unregister(&vfs_); }
  PowerDisk(const PowerDisk&) = delete;
  PowerDisk& operator=(const PowerDisk&) = delete;

  [[nodiscard]] std::uint64_t operations() const;
  [[nodiscard]] bool power_is_gone() const;

  // Makes the files that are left. What was synced is; of the rest, `survives` is asked for each
  // sector of 512 bytes, and for each cut, creation and removal of a file.
  void survivors(const std::string& folder, const std::function<bool()>& survives) const;

 private:
  static constexpr std::size_t kSector = 512;
  struct Change {  // not synced: bytes written at an offset, or the file cut to a size
    bool cut = false;
    std::size_t offset = 0;
    std::string bytes;
  };
  struct Content {
    std::string synced;
    std::vector<Change> pending;
  };
  struct Name {
    std::shared_ptr<Content> synced;   // what the name stands for on disk; nullptr: nothing
    std::shared_ptr<Content> current;  // and as programs see it
  };
  struct File {
    sqlite3_file base;
    PowerDisk* disk;
    std::shared_ptr<Content>* content;
    bool sync_folder;  // with its next sync, as SQLite's own VFS does for a journal it may create
    [[nodiscard]] sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static File& file(sqlite3_file* f) { return *reinterpret_cast<File*>(f); }
  static PowerDisk& disk(sqlite3_vfs* vfs) { return *static_cast<PowerDisk*>(vfs->pAppData); }
  static const sqlite3_io_methods* methods();
  static void apply(std::string& bytes, const Change& change);

  // With the mutex held: counts an operation; false if the power is gone, or goes with this one.
  bool operate();
  void sync_folder();
  int open(const char* name, sqlite3_file* out, int flags, int* out_flags);
  int write(File& f, const void* bytes, int size, sqlite3_int64 offset);
  int truncate(File& f, sqlite3_int64 size);
  int sync(File& f, int flags);
  int remove(const char* name, int sync_dir);

  const Options options_;
  sqlite3_vfs* const real_ = sqlite3_vfs_find(nullptr);
  sqlite3_vfs vfs_;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Name> names_;
  std::uint64_t operations_ = 0;
  bool gone_ = false;
};

inline PowerDisk::PowerDisk(Options options) : options_(options), vfs_(*real_) {
  vfs_.iVersion = 1;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
  vfs_.zName = kName;
  vfs_.pAppData = this;
  vfs_.xOpen = [](sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags,
                  int* out_flags) { return disk(vfs).open(name, out, flags, out_flags); };
  vfs_.xDelete = [](sqlite3_vfs* vfs, const char* name, int sync_dir) {
    return disk(vfs).remove(name, sync_dir);
  };
  // The system's VFS finds its own data in its own struct.
  vfs_.xAccess = [](sqlite3_vfs* vfs, const char* name, int flags, int* result) {
    auto* real = disk(vfs).real_;
    return real->xAccess(real, name, flags, result);
  };
  vfs_.xFullPathname = [](sqlite3_vfs* vfs, const char* name, int size, char* out) {
    auto* real = disk(vfs).real_;
    return real->xFullPathname(real, name, size, out);
  };
  sqlite3_vfs_register(&vfs_, 0);
}

inline std::uint64_t PowerDisk::operations() const {
  std::lock_guard lock(mutex_);
  return operations_;
}

inline bool PowerDisk::power_is_gone() const {
  std::lock_guard lock(mutex_);
  return gone_;
}

inline bool PowerDisk::operate() {
  if (!gone_ && ++operations_ == options_.power_goes_at) gone_ = true;
  return !gone_;
}

inline void PowerDisk::sync_folder() {
  for (auto& [path, name] : names_) name.synced = name.current;
}

inline int PowerDisk::open(const char* name, sqlite3_file* out, int flags, int* out_flags) {
  std::lock_guard lock(mutex_);
  File& f = file(out);
  f.base.pMethods = nullptr;  // unless all goes well
  if (gone_) return SQLITE_CANTOPEN;
  const std::string path = name == nullptr ? "" : name;
  const bool is_new = !path.empty() && !std::filesystem::exists(path);
  if (is_new && !operate()) return SQLITE_CANTOPEN;
  const int rc = real_->xOpen(real_, name, f.real(), flags, out_flags);
  if (rc != SQLITE_OK) return rc;
  Name& known = names_[path];
  if (!known.current) {
    known.current = std::make_shared<Content>();
    std::ifstream in(path, std::ios::binary);
    known.current->synced.assign(std::istreambuf_iterator<char>(in), {});
    // A file of before, or an empty one that has been made just now without SQLite.
    if (!known.current->synced.empty()) known.synced = known.current;
  }
  f.disk = this;
  f.content = new std::shared_ptr<Content>(known.current);
  f.sync_folder = (flags & SQLITE_OPEN_CREATE) != 0 &&
                  (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
  f.base.pMethods = methods();
  return SQLITE_OK;
}

inline int PowerDisk::write(File& f, const void* bytes, int size, sqlite3_int64 offset) {
  std::lock_guard lock(mutex_);
  if (gone_) return SQLITE_IOERR_WRITE;
  Change change{false, static_cast<std::size_t>(offset),
                std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size))};
  (*f.content)->pending.push_back(std::move(change));  // even the last one may reach the disk
  if (!operate()) return SQLITE_IOERR_WRITE;
  return f.real()->pMethods->xWrite(f.real(), bytes, size, offset);
}

inline int PowerDisk::truncate(File& f, sqlite3_int64 size) {
  std::lock_guard lock(mutex_);
  if (gone_) return SQLITE_IOERR_TRUNCATE;
  (*f.content)->pending.push_back({true, static_cast<std::size_t>(size), ""});
  if (!operate()) return SQLITE_IOERR_TRUNCATE;
  return f.real()->pMethods->xTruncate(f.real(), size);
}

inline int PowerDisk::sync(File& f, int) {
  std::lock_guard lock(mutex_);
  if (!operate()) return SQLITE_IOERR_FSYNC;
  if (options_.syncs_are_lost) return SQLITE_OK;
  Content& content = **f.content;
  for (const auto& change : content.pending) apply(content.synced, change);
  content.pending.clear();
  if (std::exchange(f.sync_folder, false)) sync_folder();
  return SQLITE_OK;
}

inline int PowerDisk::remove(const char* name, int sync_dir) {
  std::lock_guard lock(mutex_);
  const auto known = names_.find(name);
  if (known != names_.end() && known->second.current) {
    if (!operate()) return SQLITE_IOERR_DELETE;
    known->second.current = nullptr;
    if (sync_dir != 0 && !options_.syncs_are_lost) sync_folder();
  } else if (gone_) {
    return SQLITE_IOERR_DELETE;
  }
  return real_->xDelete(real_, name, 0);
}

inline void PowerDisk::apply(std::string& bytes, const Change& change) {
  if (change.cut) return bytes.resize(change.offset);
  const std::size_t end = change.offset + change.bytes.size();
  if (bytes.size() < end) bytes.resize(end);
  bytes.replace(change.offset, change.bytes.size(), change.bytes);
}

inline void PowerDisk::survivors(const std::string& folder,
                                 const std::function<bool()>& survives) const {
  std::lock_guard lock(mutex_);
  for (const auto& [path, name] : names_) {
    if (path.empty()) continue;  // a temporary file
    const auto content = survives() ? name.current : name.synced;
    if (!content) continue;
    std::string bytes = content->synced;
    for (const auto& change : content->pending) {
      if (change.cut && survives()) apply(bytes, change);
      for (std::size_t at = 0; !change.cut && at < change.bytes.size(); at += kSector) {
        if (survives()) {
          apply(bytes, {false, change.offset + at, change.bytes.substr(at, kSector)});
        }
      }
    }
    const auto target = std::filesystem::path(folder) / std::filesystem::path(path).filename();
    std::ofstream(target, std::ios::binary) << bytes;
  }
}

// Reads, locks and shared memory are the system's; without power nothing can be read either.
inline const sqlite3_io_methods* PowerDisk::methods() {
  static const sqlite3_io_methods kMethods = {
      .iVersion = 2,
      .xClose = [](sqlite3_file* f) -> int {
        delete file(f).content;
        return file(f).real()->pMethods->xClose(file(f).real());
      },
      .xRead = [](sqlite3_file* f, void* to, int size, sqlite3_int64 offset) -> int {
        if (file(f).disk->power_is_gone()) return SQLITE_IOERR_READ;
        return file(f).real()->pMethods->xRead(file(f).real(), to, size, offset);
      },
      .xWrite = [](sqlite3_file* f, const void* bytes, int size, sqlite3_int64 offset) -> int {
        return file(f).disk->write(file(f), bytes, size, offset);
      },
      .xTruncate = [](sqlite3_file* f, sqlite3_int64 size) -> int {
        return file(f).disk->truncate(file(f), size);
      },
      .xSync = [](sqlite3_file* f, int flags) -> int { return file(f).disk->sync(file(f), flags); },
      .xFileSize = [](sqlite3_file* f, sqlite3_int64* size) -> int {
        return file(f).real()->pMethods->xFileSize(file(f).real(), size);
      },
      .xLock = [](sqlite3_file* f, int level) -> int {
        return file(f).real()->pMethods->xLock(file(f).real(), level);
      },
      .xUnlock = [](sqlite3_file* f, int level) -> int {
        return file(f).real()->pMethods->xUnlock(file(f).real(), level);
      },
      .xCheckReservedLock = [](sqlite3_file* f, int* held) -> int {
        return file(f).real()->pMethods->xCheckReservedLock(file(f).real(), held);
      },
      // Not passed on: with a size hint, say, the system's VFS would change the file by itself.
      .xFileControl = [](sqlite3_file*, int, void*) -> int { return SQLITE_NOTFOUND; },
      .xSectorSize = [](sqlite3_file*) -> int { return kSector; },
      // A sector that is written does no harm to its neighbours, as SQLite assumes by default.
      .xDeviceCharacteristics = [](sqlite3_file*) -> int {
        return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
      },
      .xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) -> int {
        return file(f).real()->pMethods->xShmMap(file(f).real(), page, size, extend, out);
      },
      .xShmLock = [](sqlite3_file* f, int offset, int count, int flags) -> int {
        return file(f).real()->pMethods->xShmLock(file(f).real(), offset, count, flags);
      },
      .xShmBarrier = [](sqlite3_file* f) { file(f).real()->pMethods->xShmBarrier(file(f).real()); },
      .xShmUnmap = [](sqlite3_file* f, int remove) -> int {
        return file(f).real()->pMethods->xShmUnmap(file(f).real(), remove);
      },
      .xFetch = nullptr,
      .xUnfetch = nullptr,
  };
  return &kMethods;
}

}  // namespace starling::store
