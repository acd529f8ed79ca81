#include "proxy/markers/directory_table.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "proxy/markers/watch_index.h"

namespace hotlink {
namespace {

TEST_CASE("directories are found by their parent and name, and no more when they are taken off") {
  DirectoryTable table;
  CHECK(table.Find(kRootDirectory, "a") == kNoDirectory);
  const DirectoryId a = table.Add(kRootDirectory, "a");
  const DirectoryId aa = table.Add(a, "a");
  const DirectoryId ab = table.Add(a, "b é");
  CHECK(table.Find(kRootDirectory, "a") == a);
  CHECK(table.Find(a, "a") == aa);
  CHECK(table.Find(a, "b é") == ab);
  CHECK(table.Find(aa, "a") == kNoDirectory);
  CHECK(table.NameOf(ab) == "b é");
  CHECK(table[ab].depth == 2);
  CHECK(table[ab].parent == a);
  CHECK(table.size() == 3);
  table.Detach(aa);
  CHECK(table.Find(a, "a") == kNoDirectory);
  CHECK(table[a].first_child == ab);
  CHECK(table[ab].next == kNoDirectory);
  CHECK(table.size() == 2);
  table[aa].watch = 7;
  table.Free(aa);
  const DirectoryId again = table.Add(ab, "c");
  CHECK(again == aa);
  CHECK(table[again].watch == -1);
}

// Adds and drops at random, and compares with a plain map.
TEST_CASE("a table under change has what a map has") {
  DirectoryTable table;
  std::map<std::pair<DirectoryId, std::string>, DirectoryId> model;
  std::vector<DirectoryId> parents = {kRootDirectory};
  for (int i = 0; i < 20; ++i) parents.push_back(table.Add(kRootDirectory, std::to_string(i)));
  std::mt19937 random(1);
  for (int step = 0; step < 100'000; ++step) {
    const DirectoryId parent = parents[random() % parents.size()];
    const std::string name = "name-" + std::to_string(random() % 300) + std::string(20, 'x');
    const auto known = model.find({parent, name});
    REQUIRE(table.Find(parent, name) == (known == model.end() ? kNoDirectory : known->second));
    if (known == model.end()) {
      model[{parent, name}] = table.Add(parent, name);
    } else {
      table.Detach(known->second);
      table.Free(known->second);
      model.erase(known);
    }
  }
  CHECK(table.size() == model.size() + parents.size() - 1);
  for (const auto& [key, id] : model) REQUIRE(table.NameOf(id) == key.second);
  for (const DirectoryId parent : parents) {
    size_t children = 0, wanted = 0;
    for (DirectoryId at = table[parent].first_child; at != kNoDirectory; at = table[at].next) {
      ++children;
    }
    for (const auto& [key, id] : model) wanted += key.first == parent;
    if (parent == kRootDirectory) wanted += parents.size() - 1;
    REQUIRE(children == wanted);
  }
  CHECK(table.memory() < 1 << 20);  // names that are no more take no room for ever
}

TEST_CASE("a hundred thousand directories take some seven megabytes") {
  DirectoryTable table;
  for (int i = 0; i < 1000; ++i) {
    const DirectoryId above = table.Add(kRootDirectory, std::to_string(i));
    for (int k = 0; k < 99; ++k) table.Add(above, std::to_string(k));
  }
  CHECK(table.size() == 100'000);
  CHECK(table.memory() < 7 << 20);
}

TEST_CASE("the directory of a watch, in whatever order they come and go") {
  WatchIndex index;
  std::map<int32_t, DirectoryId> model;
  std::mt19937 random(2);
  for (int step = 0; step < 20'000; ++step) {
    const auto watch = static_cast<int32_t>(random() % 500);
    if (random() % 2 == 0) {
      index.Set(watch, static_cast<DirectoryId>(step + 1));
      model[watch] = static_cast<DirectoryId>(step + 1);
    } else {
      index.Erase(watch);
      model.erase(watch);
    }
    const auto probe = static_cast<int32_t>(random() % 500);
    const auto known = model.find(probe);
    REQUIRE(index.Find(probe) == (known == model.end() ? kNoDirectory : known->second));
  }
}

}  // namespace
}  // namespace hotlink
