// Removal of an account, with everything that is its own.
#pragma once

#include "base/result.h"
#include "base/task.h"
#include "xmpp/jid.h"

namespace starling::core {

class Server;

// Removes the account: its keys and every row of it at once and for good; then its sessions end
// with <not-authorized/> (XEP-0077 section 3.2), and its contacts learn that it is unavailable and
// that the subscriptions are over. Takes the account's turn, so never to be awaited inside of it.
// On any worker. A caller on the account's home worker resumes before the sessions end, so that one
// of them can be told the result.
//
// From the beginning on the account's sessions are `closing` and nobody can bind as it, so that
// nothing of it is written after the removal. Errors leave all as it was: not_found, exists (being
// removed already), unavailable.
Task<Result<>> remove_account(Server& server, xmpp::Jid account);

}  // namespace starling::core
