// Bans of accounts: the operator disables an account for as long as he likes, and nothing of it is
// lost. Its sessions end with <policy-violation/>, nobody can bind as it, and a log-in with the
// right password is answered with <account-disabled/> (RFC 6120 section 6.5.1); with a wrong one as
// ever, so that guessing tells nothing. It still is an account to others: what they send is kept.
//
// Kept in the store (the account's map "ban"), so it outlives a restart; it goes with the account.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "store/store.h"
#include "xmpp/jid.h"

namespace starling::core {

class Server;

struct AccountBan {
  std::string reason;         // as the operator wrote it; told to the sessions that are ended
  std::string by;             // who did it, for the record
  std::int64_t since_us = 0;  // wall clock
};

// Bans the account (a bare JID), or gives its ban another reason; returns how many sessions were
// ended. Takes the account's turn, so never to be awaited inside of it. On any worker. Errors,
// which leave all as it was: not_found (no such account), unavailable.
Task<Result<std::size_t>> ban_account(Server& server, xmpp::Jid account, std::string reason,
                                      std::string by);

// Lifts the ban; false if there was none. As ban_account.
Task<Result<bool>> unban_account(Server& server, xmpp::Jid account);

// The account's ban; nullopt if there is none, or no such account. On any worker, at any time.
// Errors: unavailable.
Task<Result<std::optional<AccountBan>>> ban_of(store::Store& store, xmpp::Jid account);

}  // namespace starling::core
