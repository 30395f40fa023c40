// Receipt: lets the stream that read a stanza know when the server has dealt with it.
//
// All copies of the stanza share it; when the last one is gone, nothing the stanza led to is under
// way any more: its writes are durable, or it was answered with an error. Then the receipt is
// destroyed, on whatever thread that happens, and its destructor tells. So a client's stanza can be
// acknowledged (XEP-0198) exactly when it can no longer be lost, without anyone on the way having
// to think of it; what keeps a stanza for long (a presence, an unacknowledged queue) drops it.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <string>

namespace starling::xmpp {

class Receipt : public boost::intrusive_ref_counter<Receipt, boost::thread_safe_counter> {
 public:
  Receipt() = default;
  Receipt(const Receipt&) = delete;
  Receipt& operator=(const Receipt&) = delete;
  virtual ~Receipt() = default;

  // The stanza is about to be written to its sender's archive, with this id. Gives what its entry
  // is to bear there (core/archive_mark.h); "": nothing.
  virtual std::string archiving(std::uint64_t /*id*/) { return {}; }
  // That has failed.
  virtual void not_archived() {}
};
using ReceiptPtr = boost::intrusive_ptr<Receipt>;

}  // namespace starling::xmpp
