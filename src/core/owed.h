// Owed: which messages of an account's archive still have to reach a client (XEP-0160).
//
// Offline storage is no second copy but a cursor into the archive: everything up to the floor has
// reached a client, everything above it has not. Several clients and acknowledgements that come in
// any order make exceptions to that: messages below the floor that a client was handed and has not
// acknowledged yet (XEP-0198), and messages above it that are settled already. Both lists are
// short: a client's unacknowledged messages are bounded, and the floor rises whenever everything
// that waits has been handed out.
//
// In a cluster other nodes may archive something for the account that its home does not know of, as
// long as they do not know who the home is. So what the home stores itself does not raise the floor
// but a mark of its own, for the entries of its slot (the last ten bits of an id, archive.h). The
// floor rises over what was read from the archive, and only as far as nobody adds anything more:
// an entry of another slot above it is found by whoever reads next.
//
// Pure bookkeeping, no I/O. Ids rise: a later message has a higher one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace starling::core {

using ArchiveId = std::uint64_t;  // 0 is none

class Owed {
 public:
  // Who writes to the account's archive: nobody but this node, or others in a cluster as well.
  enum class Writers : std::uint8_t { one, several };

  // A new message of this node's is in the archive. `handed`: a client was given it; `holders`: so
  // many of those have yet to acknowledge it.
  void stored(ArchiveId id, bool handed, unsigned holders, Writers writers);
  // It could not be stored after all.
  void forget(ArchiveId id);

  // A client has acknowledged it: nobody needs it any more, whoever else may hold it.
  void settle(ArchiveId id);
  // A client that held it is gone. True if nobody else holds it and it is still owed: it has to be
  // offered again.
  bool give_back(ArchiveId id);
  // A message that was given back is handed to others.
  void handed_again(ArchiveId id, unsigned holders);

  // True while messages may wait that no client was handed.
  [[nodiscard]] bool backlog() const { return backlog_; }
  // Others may have archived something.
  void look_again() { backlog_ = true; }
  // One more client holds it, unless it is settled.
  void hold(ArchiveId id);
  // The waiting messages, in rising order, are read from the archive: the first is above this id.
  [[nodiscard]] ArchiveId backlog_after() const;
  // True if this one is waiting, false if it was handed out or settled.
  [[nodiscard]] bool waits(ArchiveId id) const;
  // The backlog was read up to this message, which was handed to a client (that holds it, until
  // it acknowledges) or needs no handing out. Nobody adds anything up to `sure` any more.
  void passed(ArchiveId id, bool handed, bool held, ArchiveId sure);
  // All that the archive has between these, the second included, was passed: what still waits there
  // is in the archive no more.
  void forget_unfound(ArchiveId after, ArchiveId last);
  // All of it was read.
  void backlog_read(ArchiveId sure);

  [[nodiscard]] ArchiveId floor() const { return floor_; }
  // How far the floor is behind what this node has stored.
  [[nodiscard]] ArchiveId behind() const { return mark_ == 0 ? 0 : mark_ - floor_; }
  // No id that is known here is above this one.
  [[nodiscard]] ArchiveId highest() const;
  // Everything before this one is settled.
  [[nodiscard]] ArchiveId first_unsettled() const;

  // As it is stored; "" for a cursor that never moved. After decode there may be a backlog.
  [[nodiscard]] std::string encode() const;
  // False, and nothing is changed, if the text is not one of encode's.
  bool decode(std::string_view text);

 private:
  struct Handed {
    ArchiveId id;
    unsigned holders;  // 0: given back
  };
  struct Exceptions {
    std::vector<Handed> handed;      // not settled; in rising order
    std::vector<ArchiveId> settled;  // above the floor and all marks; in rising order
    std::vector<ArchiveId> marks;    // of other slots than mark_, above the floor
  };
  Exceptions& exceptions();
  [[nodiscard]] Handed* find_handed(ArchiveId id) const;
  void hand(ArchiveId id, unsigned holders);
  void raise_floor(ArchiveId id);
  void raise_mark(ArchiveId id);
  [[nodiscard]] bool is_below(ArchiveId id) const;
  void tidy();

  ArchiveId floor_ = 0;
  // Up to here all of this slot is settled, but for what was handed; 0, or above the floor.
  ArchiveId mark_ = 0;
  std::unique_ptr<Exceptions> exceptions_;  // nullptr if there are none
  bool backlog_ = true;                     // until the archive was looked at
};

}  // namespace starling::core
