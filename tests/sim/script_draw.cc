#include "tests/sim/script_draw.h"

#include <algorithm>

namespace hotlink::sim {
namespace {

using Ending = Script::Ending;

constexpr Duration kUntilHurried = 3600 * kSecond;

void DrawSocket(Rng* rng, Script* script) {
  script->tcp.latency = rng->Scaled(5, 200);
  script->tcp.send_buffer = static_cast<size_t>(rng->Scaled(1 << 10, 64 << 10));
  script->tcp.receive_buffer = static_cast<size_t>(rng->Scaled(1 << 10, 64 << 10));
}

void DrawWriting(Rng* rng, Script* script) {
  const uint64_t kind = rng->Below(20);
  if (kind < 4) {
    script->write_total = static_cast<uint64_t>(rng->Between(1, 16));
  } else if (kind < 14) {
    script->write_total = static_cast<uint64_t>(rng->Scaled(16, 4 << 10));
  } else {
    script->write_total = static_cast<uint64_t>(rng->Scaled(4 << 10, 100 << 10));
  }
  const int64_t smallest = script->write_total > 1000 ? 64 : 1;
  script->write_chunk = static_cast<size_t>(rng->Scaled(smallest, 16 << 10));
  if (rng->OneIn(3)) {
    const uint64_t chunks = script->write_total / script->write_chunk + 1;
    const Duration most = std::max<Duration>(200, kSecond / static_cast<Duration>(chunks));
    script->write_gap = rng->Scaled(100, std::min<Duration>(most, 50 * kMillisecond));
  }
}

void DrawReading(Rng* rng, Script* script) {
  if (rng->OneIn(4)) script->read_from = rng->Scaled(1000, 2 * kSecond);
  script->read_chunk = static_cast<size_t>(rng->Scaled(256, 64 << 10));
  if (rng->OneIn(4)) script->read_gap = rng->Scaled(50, 10 * kMillisecond);
}

Script DrawClean(Rng* rng, bool may_answer) {
  Script script;
  script.connect_after = rng->OneIn(3) ? rng->Scaled(1000, kSecond) : rng->Between(0, 2000);
  DrawSocket(rng, &script);
  DrawWriting(rng, &script);
  DrawReading(rng, &script);
  script.ending = may_answer && rng->OneIn(2) ? Ending::kAnswer : Ending::kHalfClose;
  return script;
}

Script DrawProbe(Rng* rng, bool may_reset) {
  Script script;
  script.connect_after = rng->Between(0, 300) * kMillisecond;
  DrawSocket(rng, &script);
  script.hold = rng->OneIn(2) ? 0 : rng->Scaled(100, 300 * kMillisecond);
  script.ending = may_reset && rng->OneIn(4) ? Ending::kProbeReset : Ending::kProbe;
  return script;
}

Script DrawAny(Rng* rng) {
  const uint64_t kind = rng->Below(20);
  if (kind < 3) return DrawProbe(rng, true);
  Script script = DrawClean(rng, true);
  if (rng->OneIn(8)) script.write_total = 0;
  if (rng->OneIn(10)) script.write_after_read = static_cast<uint64_t>(rng->Scaled(1, 4096));
  if (rng->OneIn(15)) script.read_from = kUntilHurried;
  if (kind < 6) {
    script.ending = Ending::kAbort;
    script.abort_after =
        rng->OneIn(2) ? ~uint64_t{0} : static_cast<uint64_t>(rng->Scaled(1, 2 * 32 << 10));
    script.hold = rng->Scaled(100, kSecond);
  } else if (kind < 8) {
    script.ending = Ending::kClose;
    if (rng->OneIn(2)) script.hold = rng->Scaled(1000, kSecond);
  } else if (kind < 10) {
    script.ending = Ending::kHold;
  } else if (kind < 11) {
    script.ending = Ending::kEndAbort;
    script.hold = rng->Scaled(100, kSecond);
  }
  return script;
}

// One that gives up soon: several in a row run ahead of the peer.
void MakeHasty(Rng* rng, Script* script) {
  script->connect_after = rng->Between(0, 20) * kMillisecond;
  script->write_total = std::max<uint64_t>(script->write_total, 1);
  script->write_gap = 0;
  script->ending = Ending::kAbort;
  script->abort_after = ~uint64_t{0};
  script->hold = rng->Scaled(5 * kMillisecond, 300 * kMillisecond);
}

// The sides need not be alike: nobody comes, or late, or most give up.
void DrawSideManner(Rng* rng, std::vector<Slot>* side) {
  const uint64_t manner = rng->Below(20);
  if (manner == 0) side->clear();
  for (Slot& slot : *side) {
    if (manner == 1) slot.front().connect_after = rng->Between(500, 4000) * kMillisecond;
    if (manner != 2 && manner != 3) continue;
    for (size_t n = 0; n + 1 < slot.size(); ++n) MakeHasty(rng, &slot[n]);
  }
}

void DrawCleanSide(Rng* rng, uint64_t connections, bool may_answer, std::vector<Slot>* slots) {
  slots->resize(1 + rng->Below(3));
  for (uint64_t n = 0; n < connections; ++n) {
    (*slots)[rng->Below(slots->size())].push_back(DrawClean(rng, may_answer));
  }
  if (!rng->OneIn(2)) return;
  Slot probes;
  for (uint64_t n = 1 + rng->Below(6); n > 0; --n) probes.push_back(DrawProbe(rng, false));
  slots->push_back(std::move(probes));
}

}  // namespace

void DrawSlots(Rng* rng, Profile profile, std::array<std::vector<Slot>, 2>* slots) {
  if (profile == Profile::kClean) {
    const uint64_t connections = 1 + rng->Below(8);
    DrawCleanSide(rng, connections, false, &(*slots)[0]);
    DrawCleanSide(rng, connections, true, &(*slots)[1]);
    return;
  }
  const uint64_t usual = 1 + rng->Below(4);
  for (std::vector<Slot>& side : *slots) {
    side.resize(rng->OneIn(10) ? 5 : 1 + rng->Below(2));
    for (Slot& slot : side) {
      const uint64_t scripts = usual + rng->Below(3);
      for (uint64_t n = 0; n < scripts; ++n) slot.push_back(DrawAny(rng));
    }
    DrawSideManner(rng, &side);
  }
}

Script DialledScript(Rng* rng, bool clean) {
  Script script = clean ? DrawClean(rng, false) : DrawAny(rng);
  const bool probe = script.ending == Ending::kProbe || script.ending == Ending::kProbeReset;
  if (probe) script = DrawClean(rng, true);
  return script;
}

Script PoliteScript(Rng* rng) {
  Script script;
  DrawSocket(rng, &script);
  script.write_total = static_cast<uint64_t>(rng->Scaled(1, 8 << 10));
  return script;
}

size_t ConnectionsIn(const std::vector<Slot>& slots) {
  size_t count = 0;
  for (const Slot& slot : slots) count += slot.size();
  return count;
}

}  // namespace hotlink::sim
