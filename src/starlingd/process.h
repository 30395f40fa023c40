// The daemon's own process: what it asks of the system before it serves, and the signals that end
// it or make it read its files again. For main, before other threads run.
#pragma once

#include <csignal>

namespace starling::starlingd {

// As many sockets as the system lets this process have.
void raise_file_limit();

// A core dump holds keys and messages. Unless they are allowed, none is written, and no other
// process of this user may look into this one (ptrace, /proc/PID/mem). Where they are, as much is
// written as the system's hard limit lets through.
void set_core_dumps(bool allowed);

// By which the process tells itself that the provider of its machine has news.
inline constexpr int kNews = SIGUSR1;
// By which it does what a command asks for: to leave. So that is no signal from without.
inline constexpr int kLeave = SIGUSR2;

// SIGTERM, SIGINT, SIGHUP and these two, which are for sigwait from now on: blocked in every
// thread. SIGPIPE is ignored: a peer that is gone is an error of the call.
sigset_t block_signals();

}  // namespace starling::starlingd
