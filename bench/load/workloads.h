// The workloads; each logs in, warms up, measures, and says what it found.
#pragma once

#include "options.h"
#include "result.h"

namespace load {

// Sessions that are there and do nothing: their memory.
void idle(const Options& options, Result& result);
// Pairs that talk: a message is answered when it arrives, or they speak at a given rate.
void chat(const Options& options, Result& result);
// Log-in, roster, presence, and away again.
void login(const Options& options, Result& result);
// Groups whose members see each other come and go.
void presence(const Options& options, Result& result);
// Pages of an account's archive, one after the other.
void archive(const Options& options, Result& result);
// Sessions that come back when their stream breaks, and count what that cost; see leaving.cc.
void leaving(const Options& options, Result& result);

}  // namespace load
