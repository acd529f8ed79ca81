#include "tests/bench/load/pattern.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

namespace hotlink::bench {
namespace {

constexpr size_t kWord = sizeof(uint64_t);
constexpr uint64_t kStep = 0x9e3779b97f4a7c15;  // odd, with bits all over: no two words are alike

static_assert(std::endian::native == std::endian::little);

uint64_t WordAt(uint64_t seed, uint64_t offset) { return seed + offset / kWord * kStep; }

// How many of `size` bytes at `offset` belong to a word that has begun before.
size_t Begun(uint64_t offset, size_t size) {
  return std::min((kWord - offset % kWord) % kWord, size);
}

// Up to a word's bytes at `offset`, which do not go beyond that word.
void CopyPart(uint64_t seed, uint64_t offset, size_t n, uint8_t* into) {
  const uint64_t word = WordAt(seed, offset);
  std::memcpy(into, reinterpret_cast<const uint8_t*>(&word) + offset % kWord, n);
}

void FillWords(uint64_t word, size_t words, uint8_t* into) {
  for (size_t i = 0; i < words; ++i, word += kStep) std::memcpy(into + i * kWord, &word, kWord);
}

bool SameWords(uint64_t word, size_t words, const uint8_t* got) {
  uint64_t differences = 0;
  for (size_t i = 0; i < words; ++i, word += kStep) {
    uint64_t there;
    std::memcpy(&there, got + i * kWord, kWord);
    differences |= there ^ word;
  }
  return differences == 0;
}

bool SamePart(uint64_t seed, uint64_t offset, size_t n, const uint8_t* got) {
  uint8_t wanted[kWord];
  CopyPart(seed, offset, n, wanted);
  return std::memcmp(got, wanted, n) == 0;
}

}  // namespace

void Pattern::Fill(std::span<uint8_t> into) {
  const size_t head = Begun(offset_, into.size());
  const size_t words = (into.size() - head) / kWord;
  const size_t tail = (into.size() - head) % kWord;
  CopyPart(seed_, offset_, head, into.data());
  FillWords(WordAt(seed_, offset_ + head), words, into.data() + head);
  CopyPart(seed_, offset_ + head + words * kWord, tail, into.data() + head + words * kWord);
  offset_ += into.size();
}

void Pattern::Check(std::span<const uint8_t> got) {
  const size_t head = Begun(offset_, got.size());
  const size_t words = (got.size() - head) / kWord;
  const size_t tail = (got.size() - head) % kWord;
  const bool same =
      SamePart(seed_, offset_, head, got.data()) &&
      SameWords(WordAt(seed_, offset_ + head), words, got.data() + head) &&
      SamePart(seed_, offset_ + head + words * kWord, tail, got.data() + head + words * kWord);
  if (!same) {
    throw std::runtime_error("other bytes came than were sent, between the offsets " +
                             std::to_string(offset_) + " and " +
                             std::to_string(offset_ + got.size()));
  }
  offset_ += got.size();
}

}  // namespace hotlink::bench
