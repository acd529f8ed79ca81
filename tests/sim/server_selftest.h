// Checks the model of the server against protocol.md §3, sentence by sentence.
#ifndef HOTLINK_TESTS_SIM_SERVER_SELFTEST_H_
#define HOTLINK_TESTS_SIM_SERVER_SELFTEST_H_

namespace hotlink::sim {

// Prints what fails; `verbose`: also what holds. True if all holds.
bool ServerSelftest(bool verbose);

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_SERVER_SELFTEST_H_
