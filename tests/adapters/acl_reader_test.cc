// syft.pub.yaml files on a real disk: regular ones are read, anything else is named.
#include "proxy/adapters/acl_reader.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "common/acl_file.h"
#include "tests/adapters/test_loop.h"

namespace hotlink {
namespace {

namespace fs = std::filesystem;

// A data directory with one channel directory.
struct Disk {
  Disk() {
    std::string name = (fs::temp_directory_path() / "hotlink-acl-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    root = name;
    fs::create_directories(root / "datasites" / kChannel);
    file = root / "datasites" / kChannel / "syft.pub.yaml";
  }
  ~Disk() { fs::remove_all(root); }

  void Write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

  // The content that is read, or what is wrong.
  std::string Read(const std::string& directory = kChannel) {
    TestLoop loop;
    std::map<uint64_t, std::string> read;
    AclReader reader(loop.get(), root, [&](uint64_t ticket, const Result<std::string>& content) {
      read[ticket] = content ? *content : "error: " + content.error();
    });
    reader.Read(5, directory);
    CHECK(loop.Until([&] { return !read.empty(); }));
    return read[5];
  }

  static constexpr const char* kChannel = "a@x.org/some flow/_mpc/0_to_1";
  fs::path root, file;
};

TEST_CASE_FIXTURE(Disk, "a regular file is read whole") {
  Write(file, "rules: []\n");
  CHECK(Read() == "rules: []\n");
  Write(file, std::string(kAclFileMax, '#'));
  CHECK(Read().size() == kAclFileMax);
  Write(file, "");
  CHECK(Read() == "");
}

TEST_CASE_FIXTURE(Disk, "what is no regular file of that size is named and not read") {
  CHECK(Read() == "error: there is none");
  Write(file, std::string(kAclFileMax + 1, '#'));
  CHECK(Read() == "error: it has 16385 bytes, allowed are 16384");
  fs::remove(file);
  REQUIRE(mkfifo(file.c_str(), 0600) == 0);
  CHECK(Read() == "error: it is no regular file: put one there");
  fs::remove(file);
  fs::create_directory(file);
  CHECK(Read() == "error: it is no regular file: put one there");
  fs::remove(file);
  Write(root / "elsewhere", "rules: []\n");
  fs::create_symlink(root / "elsewhere", file);
  CHECK(Read() == "error: it is a symlink: it must be a regular file");
}

TEST_CASE_FIXTURE(Disk, "no part of the way may be a symlink, but the data directory itself") {
  Write(file, "rules: []\n");
  fs::rename(root / "datasites/a@x.org/some flow", root / "flow");
  fs::create_symlink(root / "flow", root / "datasites/a@x.org/some flow");
  CHECK(Read() == "error: some flow: it is a symlink or no directory");
  fs::remove(root / "datasites/a@x.org/some flow");
  CHECK(Read() == "error: some flow: No such file or directory");
  fs::rename(root / "flow", root / "datasites/a@x.org/some flow");
  CHECK(Read() == "rules: []\n");

  fs::rename(root / "datasites", root / "sites");
  fs::create_symlink(root / "sites", root / "datasites");
  CHECK(Read() == "error: datasites: it is a symlink or no directory");
  fs::remove(root / "datasites");
  fs::rename(root / "sites", root / "datasites");
  const fs::path real = root.string() + "-real";
  fs::rename(root, real);
  fs::create_directory_symlink(real, root);
  CHECK(Read() == "rules: []\n");
  fs::remove(root);
  fs::rename(real, root);
}

TEST_CASE_FIXTURE(Disk, "a reader that is gone is told nothing") {
  Write(file, "rules: []\n");
  TestLoop loop;
  bool told = false;
  auto reader = std::make_unique<AclReader>(
      loop.get(), root, [&](uint64_t, const Result<std::string>&) { told = true; });
  reader->Read(1, kChannel);
  reader.reset();
  loop.For(50 * kMillisecond);
  CHECK_FALSE(told);
}

}  // namespace
}  // namespace hotlink
