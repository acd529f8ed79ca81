// The admin's unix socket on a real file system.
#include "proxy/adapters/admin_socket.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace hotlink {
namespace {

namespace fs = std::filesystem;

struct Place {
  fs::path directory;
  Place() {
    char name[] = "/tmp/hotlink-test-XXXXXX";
    directory = mkdtemp(name);
    setenv("XDG_RUNTIME_DIR", directory.c_str(), 1);
  }
  ~Place() {
    unsetenv("XDG_RUNTIME_DIR");
    fs::remove_all(directory);
  }
  std::string Path(const std::string& name = "sock") const { return directory / name; }
  std::string LongPath() const {
    const fs::path deep = directory / std::string(100, 'd');
    fs::create_directories(deep);
    return deep / "sock";
  }
};

mode_t ModeOf(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode : 0;
}

TEST_CASE_FIXTURE(Place, "only the own user may connect, and nothing stays behind") {
  {
    auto socket = AdminSocket::Listen(Path());
    REQUIRE(socket.ok());
    CHECK(ModeOf(Path()) == (S_IFSOCK | 0600));
    CHECK_FALSE(socket->elsewhere());
    CHECK(*FindAdminSocket(Path()) == Path());
  }
  CHECK_FALSE(fs::exists(Path()));
  CHECK_FALSE(FindAdminSocket(Path()));
}

TEST_CASE_FIXTURE(Place, "a dead process's socket is replaced, a live one is not") {
  auto first = AdminSocket::Listen(Path());
  REQUIRE(first.ok());
  const auto second = AdminSocket::Listen(Path());
  REQUIRE_FALSE(second.ok());
  CHECK(second.error() == Path() + " is served by another process");
  CHECK(ModeOf(Path()) != 0);
  close(first->TakeFd());  // as when its process was killed: the file stays
  CHECK(AdminSocket::Listen(Path()).ok());
}

TEST_CASE_FIXTURE(Place, "a live one whose queue is full counts as live") {
  auto socket = AdminSocket::Listen(Path());
  REQUIRE(socket.ok());
  std::vector<int> clients;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  Path().copy(address.sun_path, kUnixPathMax);
  int result = 0;
  while (result == 0 && clients.size() < 1000) {
    clients.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    result = connect(clients.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  CHECK(result != 0);
  CHECK_FALSE(AdminSocket::Listen(Path()).ok());
  for (const int fd : clients) close(fd);
}

TEST_CASE_FIXTURE(Place, "what is no socket stays") {
  std::ofstream(Path()) << "precious";
  CHECK_FALSE(AdminSocket::Listen(Path()).ok());
  CHECK(fs::file_size(Path()) == 8);
  CHECK_FALSE(FindAdminSocket(Path()));
}

TEST_CASE_FIXTURE(Place, "the longest path that the kernel takes, and one byte more") {
  const size_t fill = kUnixPathMax - Path("").size();
  const std::string longest = Path(std::string(fill, 's'));
  REQUIRE(longest.size() == 107);
  auto socket = AdminSocket::Listen(longest);
  REQUIRE(socket.ok());
  CHECK_FALSE(socket->elsewhere());
  auto longer = AdminSocket::Listen(longest + "s");
  REQUIRE(longer.ok());
  CHECK(longer->elsewhere());
}

TEST_CASE_FIXTURE(Place, "a long path is a link to a short one") {
  const std::string path = LongPath();
  std::string real;
  {
    auto socket = AdminSocket::Listen(path);
    REQUIRE(socket.ok());
    real = socket->path();
    CHECK(real.starts_with(directory.string() + "/hotlink-proxy-"));
    CHECK(ModeOf(real) == (S_IFSOCK | 0600));
    CHECK(ModeOf(fs::path(real).parent_path()) == (S_IFDIR | 0700));
    CHECK(*FindAdminSocket(path) == real);
    CHECK_FALSE(AdminSocket::Listen(path).ok());
    setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);  // a command may have another environment
    CHECK(*FindAdminSocket(path) == real);
  }
  CHECK(ModeOf(path) == 0);
  CHECK_FALSE(fs::exists(fs::path(real).parent_path()));
}

TEST_CASE_FIXTURE(Place, "a directory of the short name that others may enter is not used") {
  const fs::path taken = directory / ("hotlink-proxy-" + std::to_string(geteuid()));
  fs::create_directory(taken);
  chmod(taken.c_str(), 0755);
  CHECK_FALSE(AdminSocket::Listen(LongPath()).ok());
}

}  // namespace
}  // namespace hotlink
