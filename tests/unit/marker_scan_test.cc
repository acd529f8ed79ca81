#include "proxy/markers/marker_scan.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "proxy/markers/marker_table.h"
#include "proxy/markers/marker_tree.h"

namespace hotlink {
namespace {

namespace fs = std::filesystem;

const std::string kJson = R"({"from":"a@x","to":"b@x","port":9001})";
constexpr int64_t kFarFuture = int64_t{4'000'000'000} * 1'000'000'000;  // no file is young then

// A data directory of its own, gone at the end.
class DataDir {
 public:
  DataDir() {
    std::string name = (fs::temp_directory_path() / "hotlink é+@ XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~DataDir() { fs::remove_all(path_); }

  fs::path operator/(const std::string& relative) const { return path_ / relative; }
  std::string text() const { return path_.string(); }

  // Below datasites/, in place.
  void Write(const std::string& relative, const std::string& content = kJson) const {
    const fs::path path = path_ / "datasites" / relative;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  // As a launcher does: a temporary file, then a rename.
  void Rename(const std::string& relative, const std::string& content = kJson) const {
    Write(relative + ".tmp", content);
    const fs::path path = path_ / "datasites" / relative;
    fs::rename(path.string() + ".tmp", path);
  }

 private:
  fs::path path_;
};

MarkerScanOptions OptionsOf(const DataDir& data) {
  MarkerScanOptions options;
  options.data_dir = data.text();
  options.policy.own_email = "a@x";
  return options;
}

// Works until nothing is left; returns whether the result changed.
bool Finish(MarkerTree& tree, int64_t now_ns = kFarFuture) {
  const std::atomic<bool> cancel = false;
  bool changed = false;
  for (bool more = true; more;) {
    more = tree.Work(cancel);
    if (tree.Digest(now_ns)) changed = true;
  }
  return changed;
}

void FullScan(MarkerTree& tree) {
  tree.RequestFullScan();
  Finish(tree);
}

// Lets events come in until `done`, at most ten seconds.
bool WaitFor(MarkerTree& tree, const std::function<bool(const MarkerScan&)>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!done(tree.scan())) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd events = {tree.event_fd(), POLLIN, 0};
    if (poll(&events, 1, static_cast<int>(left.count())) > 0) Finish(tree);
  }
  return true;
}

std::vector<std::string> PathsOf(const MarkerScan& scan) {
  std::vector<std::string> paths;
  for (const FoundMarker& found : scan.markers) paths.push_back(found.path);
  return paths;
}

using Paths = std::vector<std::string>;

MarkerScan ScanOnce(const MarkerScanOptions& options) {
  MarkerTree tree(options);
  FullScan(tree);
  return tree.scan();
}

TEST_CASE("a scan finds the markers of the own datasite and nothing else") {
  DataDir data;
  data.Write("a@x/r é+@/run 1/_mpc/0_to_1/stream.tcp");
  data.Write("a@x/0_to_2/stream.tcp");
  data.Write("a@x/r/_mpc/0_to_3/stream.accept");
  data.Write("a@x/r/_mpc/plain/stream.tcp");
  data.Write("a@x/.syftbox/0_to_1/stream.tcp");
  data.Write("a@x/r/.syftbox/0_to_1/stream.tcp");
  data.Write("b@x/r/_mpc/0_to_1/stream.tcp");
  fs::create_directories(data / "elsewhere/a@x/0_to_1");
  const MarkerScan scan = ScanOnce(OptionsOf(data));
  CHECK(scan.number == 1);
  CHECK(scan.notices.empty());
  REQUIRE(PathsOf(scan) ==
          Paths{"a@x/0_to_2/stream.tcp", "a@x/r é+@/run 1/_mpc/0_to_1/stream.tcp"});
  CHECK(scan.markers[0].own);
  CHECK(scan.markers[0].changed_in == 1);
  CHECK(scan.markers[0].channel->above == "");
  CHECK(scan.markers[1].channel->above == "r é+@/run 1/_mpc");
  CHECK(*scan.markers[1].marker == Marker{"b@x", true, 9001});
}

TEST_CASE("the datasite's name compares without case") {
  DataDir data;
  data.Write("A@X/r/0_to_1/stream.tcp");
  const MarkerScan scan = ScanOnce(OptionsOf(data));
  REQUIRE(PathsOf(scan) == Paths{"A@X/r/0_to_1/stream.tcp"});
  CHECK(scan.markers[0].own);
  CHECK(scan.markers[0].channel->owner == "a@x");
}

TEST_CASE("with all datasites, others count if they name the own e-mail and lie at the peer") {
  DataDir data;
  data.Write("b@x/r/1_to_0/stream.tcp", R"({"from":"b@x","to":"a@x","port":9001})");
  data.Write("b@x/r/1_to_2/stream.tcp", R"({"from":"b@x","to":"c@x","port":9001})");
  data.Write("b@x/r/1_to_3/stream.tcp", "broken");
  data.Write("c@x/r/1_to_0/stream.tcp", R"({"from":"b@x","to":"a@x","port":9001})");
  data.Write("no e-mail/r/1_to_0/stream.tcp", R"({"from":"b@x","to":"a@x","port":9001})");
  MarkerScanOptions options = OptionsOf(data);
  CHECK(ScanOnce(options).markers.empty());
  options.all_datasites = true;
  const MarkerScan scan = ScanOnce(options);
  REQUIRE(PathsOf(scan) == Paths{"b@x/r/1_to_0/stream.tcp", "c@x/r/1_to_0/stream.tcp"});
  CHECK_FALSE(scan.markers[0].own);
  CHECK(scan.markers[0].marker->peer == "b@x");
  REQUIRE_FALSE(scan.markers[1].marker.ok());
  CHECK(scan.markers[1].marker.error().find("not its peer") != std::string::npos);
}

TEST_CASE("no symlink is followed, neither as marker nor on the way") {
  DataDir data;
  data.Write("a@x/real/0_to_1/stream.tcp");
  fs::create_directories(data / "datasites/a@x/r/0_to_2");
  fs::create_symlink(data / "datasites/a@x/real/0_to_1/stream.tcp",
                     data / "datasites/a@x/r/0_to_2/stream.tcp");
  fs::create_directory_symlink(data / "datasites/a@x/real", data / "datasites/a@x/link");
  fs::create_directory_symlink(data / "datasites/a@x/real/0_to_1", data / "datasites/a@x/0_to_3");
  const MarkerScan scan = ScanOnce(OptionsOf(data));
  REQUIRE(PathsOf(scan) == Paths{"a@x/r/0_to_2/stream.tcp", "a@x/real/0_to_1/stream.tcp"});
  REQUIRE_FALSE(scan.markers[0].marker.ok());
  CHECK(scan.markers[0].marker.error().find("symlink") != std::string::npos);
  CHECK(scan.markers[1].marker.ok());

  DataDir linked;
  fs::create_directory_symlink(data / "datasites", linked / "datasites");
  CHECK(ScanOnce(OptionsOf(linked)).markers.empty());
  // The data directory itself is the operator's choice.
  MarkerScanOptions options = OptionsOf(linked);
  options.data_dir = (linked / "data").string();
  fs::create_directory_symlink(data.text(), options.data_dir);
  CHECK(ScanOnce(options).markers.size() == 2);
}

TEST_CASE("a FIFO, a directory and a huge file are refused and never waited for") {
  DataDir data;
  fs::create_directories(data / "datasites/a@x/r/0_to_1");
  REQUIRE(mkfifo((data / "datasites/a@x/r/0_to_1/stream.tcp").c_str(), 0600) == 0);
  fs::create_directories(data / "datasites/a@x/r/0_to_2/stream.tcp");
  data.Write("a@x/r/0_to_3/stream.tcp", kJson + std::string(kMarkerMax - kJson.size(), ' '));
  data.Write("a@x/r/0_to_4/stream.tcp", kJson + std::string(kMarkerMax - kJson.size() + 1, ' '));
  const MarkerScan scan = ScanOnce(OptionsOf(data));
  REQUIRE(scan.markers.size() == 4);
  CHECK(scan.markers[0].marker.error() == "it is no regular file: put one there");
  CHECK(scan.markers[1].marker.error() == "it is no regular file: put one there");
  CHECK(scan.markers[2].marker.ok());
  CHECK(scan.markers[3].marker.error() == "it has 65537 bytes, allowed are 65536");
}

TEST_CASE("without descriptors nothing is known of a marker, which is no reason to reject it") {
  DataDir data;
  data.Write("a@x/r/0_to_1/stream.tcp");
  MarkerTree tree(OptionsOf(data));
  FullScan(tree);
  REQUIRE(tree.fully_watched());
  data.Write("a@x/r/0_to_1/stream.tcp", kJson + " ");
  const int lowest_free = dup(tree.event_fd());
  close(lowest_free);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  int depth = 0;
  SUBCASE("for the data directory") { depth = 0; }
  SUBCASE("for the channel directory") { depth = 4; }
  SUBCASE("for the marker itself") { depth = 5; }
  rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(lowest_free + depth);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  Finish(tree);
  setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(tree.scan().markers.size() == 1);
  CHECK(tree.scan().markers[0].marker.ok());
  CHECK(tree.scan().markers[0].changed_in == 1);
  CHECK(tree.scan().notices.size() == 1);
  CHECK_FALSE(tree.fully_watched());
  FullScan(tree);
  CHECK(tree.scan().markers[0].changed_in > 1);
  CHECK(tree.fully_watched());
}

TEST_CASE("directories with a bad channel name are reported only if a marker is inside") {
  DataDir data;
  data.Write("a@x/r/0_to_0/stream.tcp");
  fs::create_directories(data / "datasites/a@x/notes_to_self");
  const MarkerScan scan = ScanOnce(OptionsOf(data));
  REQUIRE(PathsOf(scan) == Paths{"a@x/r/0_to_0/stream.tcp"});
  CHECK_FALSE(scan.markers[0].channel.ok());
}

TEST_CASE("HOTLINK_PROXY_RUN is a pattern for the path above or a leading part of it") {
  CHECK(RunMatches("", "r/_mpc"));
  CHECK(RunMatches("/", "r/_mpc"));
  CHECK(RunMatches("r", "r/_mpc"));
  CHECK(RunMatches("/flows/*/run1/", "flows/x/run1/_mpc"));
  CHECK(RunMatches("*run1", "flows/x/run1/_mpc"));
  CHECK(RunMatches("flows/x/run[12]/_mpc", "flows/x/run2/_mpc"));
  CHECK_FALSE(RunMatches("r", "run/_mpc"));
  CHECK_FALSE(RunMatches("run?", "run12/_mpc"));
  CHECK_FALSE(RunMatches("x", "flows/x"));
  DataDir data;
  data.Write("a@x/flows/run1/_mpc/0_to_1/stream.tcp");
  data.Write("a@x/flows/run2/_mpc/0_to_1/stream.tcp");
  MarkerScanOptions options = OptionsOf(data);
  options.run = "flows/run2";
  const MarkerScan scan = ScanOnce(options);
  CHECK(PathsOf(scan) == Paths{"a@x/flows/run2/_mpc/0_to_1/stream.tcp"});
  CHECK(scan.other_runs == 1);
}

TEST_CASE("limits: depth, directories and markers, each with a notice") {
  DataDir data;
  std::string deep = "a@x";
  for (int n = 0; n < 4; ++n) deep += "/d";
  data.Write(deep + "/0_to_1/stream.tcp");
  data.Write("a@x/0_to_2/stream.tcp");
  data.Write("a@x/0_to_3/stream.tcp");
  MarkerScanOptions options = OptionsOf(data);
  options.max_depth = 5;
  CHECK(ScanOnce(options).markers.size() == 3);
  CHECK(ScanOnce(options).notices.empty());
  options.max_depth = 4;
  MarkerScan scan = ScanOnce(options);
  CHECK(scan.markers.size() == 2);
  REQUIRE(scan.notices.size() == 1);
  CHECK(scan.notices[0].find("deeper than 4") != std::string::npos);

  options = OptionsOf(data);
  options.max_directories = 9;  // datasites, a@x, 0_to_2, 0_to_3, four d, 0_to_1
  CHECK(ScanOnce(options).notices.empty());
  options.max_directories = 8;
  scan = ScanOnce(options);
  REQUIRE(scan.notices.size() == 1);
  CHECK(scan.notices[0].find("more than 8 directories") != std::string::npos);

  options = OptionsOf(data);
  options.max_markers = 3;
  CHECK(ScanOnce(options).notices.empty());
  options.max_markers = 2;
  scan = ScanOnce(options);
  CHECK(scan.markers.size() == 2);
  REQUIRE(scan.notices.size() == 1);
  CHECK(scan.notices[0].find("more than 2 markers") != std::string::npos);
}

TEST_CASE("what may not be read is named, and keeps nothing else out") {
  DataDir data;
  data.Write("a@x/closed/0_to_1/stream.tcp");
  data.Write("a@x/open/0_to_1/stream.tcp");
  data.Write("a@x/open/0_to_2/stream.tcp");
  fs::permissions(data / "datasites/a@x/closed", fs::perms::none);
  fs::permissions(data / "datasites/a@x/open/0_to_2/stream.tcp", fs::perms::none);
  fs::permissions(data.text(), fs::perms::all);
  setfsuid(65534);  // root may read everything
  const MarkerScan scan = ScanOnce(OptionsOf(data));
  setfsuid(geteuid());
  fs::permissions(data / "datasites/a@x/closed", fs::perms::owner_all);
  REQUIRE(scan.notices.size() == 1);
  CHECK(scan.notices[0].find("cannot open") == 0);
  CHECK(scan.notices[0].find("a@x/closed: Permission denied; let the sidecar's user read it") !=
        std::string::npos);
  REQUIRE(scan.markers.size() == 2);
  CHECK(scan.markers[0].marker.ok());
  CHECK(scan.markers[1].marker.error() == "cannot be opened: Permission denied");
}

TEST_CASE("a later scan shows what was added, changed and removed, and only then is new") {
  DataDir data;
  data.Write("a@x/r/0_to_1/stream.tcp");
  data.Write("a@x/r/0_to_2/stream.tcp");
  MarkerScanOptions options = OptionsOf(data);
  options.use_inotify = false;
  MarkerTree tree(options);
  CHECK(tree.event_fd() == -1);
  CHECK_FALSE(tree.fully_watched());
  FullScan(tree);
  CHECK(tree.scan().number == 1);
  tree.RequestFullScan();
  CHECK_FALSE(Finish(tree));
  CHECK(tree.scan().number == 1);
  fs::remove_all(data / "datasites/a@x/r/0_to_2");
  data.Rename("a@x/s/0_to_3/stream.tcp");
  FullScan(tree);
  CHECK(tree.scan().number == 2);
  REQUIRE(PathsOf(tree.scan()) == Paths{"a@x/r/0_to_1/stream.tcp", "a@x/s/0_to_3/stream.tcp"});
  CHECK(tree.scan().markers[0].changed_in == 1);
  CHECK(tree.scan().markers[1].changed_in == 2);
  data.Rename("a@x/r/0_to_1/stream.tcp", R"({"from":"a@x","to":"b@x","port":9002})");
  FullScan(tree);
  CHECK(tree.scan().markers[0].changed_in == 3);
  CHECK(tree.scan().markers[0].marker->port == 9002);
  // Written again with the same content: that is a change, too.
  data.Rename("a@x/r/0_to_1/stream.tcp", R"({"from":"a@x","to":"b@x","port":9002})");
  FullScan(tree);
  CHECK(tree.scan().markers[0].changed_in == 4);
}

TEST_CASE("a data directory that is missing, comes and goes") {
  DataDir data;
  MarkerScanOptions options = OptionsOf(data);
  options.data_dir = (data / "later").string();
  MarkerTree tree(options);
  FullScan(tree);
  CHECK(tree.scan().number == 1);
  CHECK_FALSE(tree.fully_watched());
  fs::create_directories(data / "later/datasites/a@x/0_to_1");
  std::ofstream(data / "later/datasites/a@x/0_to_1/stream.tcp") << kJson;
  FullScan(tree);
  CHECK(tree.scan().markers.size() == 1);
  CHECK(tree.fully_watched());
  fs::remove_all(data / "later");
  CHECK(WaitFor(tree, [](const MarkerScan& scan) { return scan.markers.empty(); }));
  FullScan(tree);
  CHECK_FALSE(tree.fully_watched());
}

TEST_CASE("events: a marker below new directories, changed, removed") {
  DataDir data;
  MarkerTree tree(OptionsOf(data));
  FullScan(tree);
  CHECK(tree.fully_watched());
  const auto has = [](size_t n) {
    return [n](const MarkerScan& scan) { return scan.markers.size() == n; };
  };
  data.Rename("a@x/r/run 1/_mpc/0_to_1/stream.tcp");
  REQUIRE(WaitFor(tree, has(1)));
  CHECK(tree.scan().markers[0].changed_in == 2);
  data.Write("a@x/r/run 1/_mpc/0_to_1/stream.tcp", R"({"from":"a@x","to":"b@x","port":9002})");
  CHECK(WaitFor(tree, [](const MarkerScan& scan) {
    return scan.markers.at(0).marker && scan.markers[0].marker->port == 9002;
  }));
  data.Rename("a@x/r/run 1/_mpc/0_to_2/stream.tcp");
  REQUIRE(WaitFor(tree, has(2)));
  fs::remove(data / "datasites/a@x/r/run 1/_mpc/0_to_1/stream.tcp");
  CHECK(WaitFor(tree, has(1)));
  fs::remove_all(data / "datasites/a@x/r");
  CHECK(WaitFor(tree, has(0)));
}

TEST_CASE("events: a directory in the marker's place is named at once") {
  DataDir data;
  data.Write("a@x/r/0_to_1/stream.tcp");
  MarkerTree tree(OptionsOf(data));
  FullScan(tree);
  const fs::path marker = data / "datasites/a@x/r/0_to_1/stream.tcp";
  fs::remove(marker);
  CHECK(WaitFor(tree, [](const MarkerScan& scan) { return scan.markers.empty(); }));
  fs::create_directory(marker);
  CHECK(WaitFor(tree, [](const MarkerScan& scan) {
    return scan.markers.size() == 1 && !scan.markers[0].marker;
  }));
  fs::remove(marker);
  data.Write("a@x/r/0_to_1/stream.tcp");
  CHECK(WaitFor(tree, [](const MarkerScan& scan) {
    return scan.markers.size() == 1 && scan.markers[0].marker;
  }));
}

TEST_CASE("events: directories that are moved, in, within and out of the tree") {
  DataDir data;
  data.Write("a@x/r/old/0_to_1/stream.tcp");
  fs::create_directories(data / "outside/deep/_mpc/0_to_2");
  std::ofstream(data / "outside/deep/_mpc/0_to_2/stream.tcp") << kJson;
  MarkerTree tree(OptionsOf(data));
  FullScan(tree);
  const auto shows = [](Paths paths) {
    return [paths](const MarkerScan& scan) { return PathsOf(scan) == paths; };
  };
  fs::rename(data / "datasites/a@x/r/old", data / "datasites/a@x/r/new");
  CHECK(WaitFor(tree, shows({"a@x/r/new/0_to_1/stream.tcp"})));
  fs::rename(data / "outside/deep", data / "datasites/a@x/r/deep");
  CHECK(WaitFor(tree, shows({"a@x/r/deep/_mpc/0_to_2/stream.tcp", "a@x/r/new/0_to_1/stream.tcp"})));
  data.Rename("a@x/r/deep/_mpc/0_to_3/stream.tcp");
  CHECK(WaitFor(tree, [](const MarkerScan& scan) { return scan.markers.size() == 3; }));
  fs::rename(data / "datasites/a@x/r/deep", data / "outside/deep");
  CHECK(WaitFor(tree, shows({"a@x/r/new/0_to_1/stream.tcp"})));
}

TEST_CASE("events: a datasite that is deleted and made again") {
  DataDir data;
  data.Write("a@x/r/0_to_1/stream.tcp");
  MarkerTree tree(OptionsOf(data));
  FullScan(tree);
  for (int round = 0; round < 5; ++round) {
    CAPTURE(round);
    fs::remove_all(data / "datasites");
    data.Rename("a@x/r/0_to_1/stream.tcp",
                R"({"from":"a@x","to":"b@x","port":)" + std::to_string(9100 + round) + "}");
    CHECK(WaitFor(tree, [round](const MarkerScan& scan) {
      return scan.markers.size() == 1 && scan.markers[0].marker->port == 9100 + round;
    }));
    CHECK(tree.fully_watched());
  }
}

TEST_CASE("what other files do in a channel directory is no change") {
  DataDir data;
  data.Write("a@x/r/0_to_1/stream.tcp");
  MarkerTree tree(OptionsOf(data));
  FullScan(tree);
  data.Write("a@x/r/0_to_1/stream.accept");
  data.Write("a@x/r/0_to_1/syft.pub.yaml");
  data.Write("a@x/.syftbox/hotlink_telemetry.json");
  data.Write("a@x/r/0_to_2/stream.tcp");
  REQUIRE(WaitFor(tree, [](const MarkerScan& scan) { return scan.markers.size() == 2; }));
  CHECK(tree.scan().number == 2);
}

TEST_CASE("events that were lost ask for a full scan, which finds what they would have told") {
  DataDir data;
  data.Write("a@x/r/0_to_1/stream.accept");
  MarkerTree tree(OptionsOf(data));
  FullScan(tree);
  CHECK_FALSE(tree.full_scan_needed());
  int queue = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> queue;
  REQUIRE(queue > 0);
  // Each round is two events that the kernel cannot join.
  const std::string one = (data / "datasites/a@x/r/0_to_1/x").string();
  const std::string two = (data / "datasites/a@x/r/0_to_1/y").string();
  REQUIRE(mknod(one.c_str(), S_IFREG | 0600, 0) == 0);
  for (int n = 0; n <= queue / 2 + 1; ++n) {
    REQUIRE(rename((n % 2 == 0 ? one : two).c_str(), (n % 2 == 0 ? two : one).c_str()) == 0);
  }
  data.Rename("a@x/s/0_to_1/stream.tcp");
  Finish(tree);
  CHECK(tree.full_scan_needed());
  CHECK(tree.scan().markers.empty());
  FullScan(tree);
  CHECK_FALSE(tree.full_scan_needed());
  CHECK(tree.scan().markers.size() == 1);
  data.Rename("a@x/s/0_to_2/stream.tcp");
  CHECK(WaitFor(tree, [](const MarkerScan& scan) { return scan.markers.size() == 2; }));
}

TEST_CASE("too few watches: a notice names the limit, and scans still find everything") {
  DataDir data;
  data.Write("a@x/r/0_to_1/stream.tcp");
  MarkerScanOptions options = OptionsOf(data);
  options.max_watches = 2;
  MarkerTree tree(options);
  FullScan(tree);
  CHECK_FALSE(tree.fully_watched());
  REQUIRE(tree.scan().notices.size() == 1);
  CHECK(tree.scan().notices[0].find("fs.inotify.max_user_watches") != std::string::npos);
  data.Write("a@x/r/0_to_2/stream.tcp");
  FullScan(tree);
  CHECK(tree.scan().markers.size() == 2);
  CHECK(tree.scan().number == 2);
  // What did not fit before may fit later, and then nothing is said any more.
  fs::remove_all(data / "datasites/a@x");
  FullScan(tree);
  CHECK(tree.fully_watched());
  CHECK(tree.scan().notices.empty());
}

TEST_CASE("a file that is being written is neither a broken marker nor a removed one") {
  MarkerScanOptions options;
  options.policy.own_email = "a@x";
  MarkerTable table(&options);
  const std::string path = "a@x/r/0_to_1/stream.tcp";
  MarkerScan scan;
  const auto file = [](std::string content, int64_t mtime_ns) {
    return MarkerFile{.state = MarkerFile::State::kRead,
                      .content = content,
                      .identity = {.size = content.size(), .mtime_ns = mtime_ns}};
  };
  CHECK(table.Put(path, true, file("", 1'000)));
  CHECK_FALSE(table.Digest(2'000, 1));
  CHECK(table.settles_at() == 1'000 + kMarkerSettleNs);
  table.Show(&scan);
  CHECK(scan.markers.empty());
  // Complete: known at once.
  CHECK(table.Put(path, true, file(kJson, 3'000)));
  CHECK(table.Digest(4'000, 1));
  CHECK_FALSE(table.settles_at().has_value());
  // Truncated for a new version: the old one stays until the file has had its time.
  CHECK(table.Put(path, true, file("{", 10'000)));
  CHECK_FALSE(table.Digest(10'000 + kMarkerSettleNs - 1, 2));
  table.Show(&scan);
  REQUIRE(scan.markers.size() == 1);
  CHECK(scan.markers[0].marker.ok());
  CHECK(table.unread_bytes() == 1);
  CHECK(table.Digest(10'000 + kMarkerSettleNs, 2));
  table.Show(&scan);
  CHECK_FALSE(scan.markers[0].marker.ok());
  CHECK(scan.markers[0].changed_in == 2);
  CHECK(table.unread_bytes() == 0);
  table.DropBelow("a@x/r");
  CHECK(table.Digest(0, 3));
  CHECK_FALSE(table.Digest(0, 3));
}

TEST_CASE("a full scan is done in slices, and can be cancelled") {
  DataDir data;
  data.Write("a@x/r/0_to_1/stream.tcp");
  MarkerTree tree(OptionsOf(data));
  tree.RequestFullScan();
  const std::atomic<bool> cancelled = true;
  CHECK(tree.Work(cancelled));
  CHECK_FALSE(tree.Digest(kFarFuture));
  CHECK(tree.scan().number == 0);
  CHECK(Finish(tree));
  CHECK(tree.scan().markers.size() == 1);
}

}  // namespace
}  // namespace hotlink
