// Work shared by threads that take the next piece when they are done with theirs.
#pragma once

#include <atomic>
#include <cstdint>
#include <system_error>
#include <thread>
#include <vector>

namespace latelight {

// Calls work(worker, piece) for every piece, on this thread and up to n_workers - 1 others. Work must
// not throw.
template <class Work>
void share_out(int64_t n_pieces, int n_workers, const Work& work) {
  std::atomic<int64_t> next{0};
  const auto take = [&](int worker) {
    for (int64_t piece = next++; piece < n_pieces; piece = next++) work(worker, piece);
  };
  std::vector<std::thread> threads;
  try {
    for (int w = 1; w < n_workers && w < n_pieces; ++w) threads.emplace_back(take, w);
  } catch (const std::system_error&) {
    // The system has no thread to spare: those that started, and this one, do everything.
  }
  take(0);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace latelight
