// Work shared by threads that take the next piece when they are done with theirs.
//
// Threads are started once and kept: starting one costs as much as scoring a thousand rows. A thread
// without work watches for some for a moment, since the stages of a search follow each other closely,
// and then sleeps.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "platform.hpp"
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace latelight {

constexpr std::chrono::microseconds watching_time{50};  // about what waking a thread takes

// Returns whether `is_true` became so within the time that watching is cheaper than sleeping.
template <class Condition>
bool watch(const Condition& is_true) {
  const auto until = std::chrono::steady_clock::now() + watching_time;
  do {
    for (int i = 0; i < 32; ++i) {
      if (is_true()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < until);
  return is_true();
}

// Threads that help whoever shares work out: any number of callers at a time, each of which also
// works. Nobody waits for a helper that has not begun, so a busy pool slows no one down.
class Pool {
 public:
  // The process's. It is never destroyed: threads asleep end with the process, and one that still
  // works then must find it. A forked child has none of its parent's threads and gets a pool of its
  // own.
  static Pool& shared() {
    if (Pool* there = instance().load()) return *there;
    forget_in_children();
    auto made = std::make_unique<Pool>();
    Pool* first = nullptr;
    return instance().compare_exchange_strong(first, made.get()) ? *made.release() : *first;
  }

  // Wakes threads that will have work in a moment.
  void rouse(int n_workers) { call(n_workers - 1, nullptr); }

  // Calls work(worker, piece) for every piece, on this thread and up to n_workers - 1 others.
  template <class Work>
  void share_out(int64_t n_pieces, int n_workers, const Work& work) {
    Job job(n_pieces, n_workers, &work, [](const void* shared, int worker, int64_t piece) {
      (*static_cast<const Work*>(shared))(worker, piece);
    });
    post(job);
    job.take(0);
    withdraw(job);
  }

 private:
  struct Job {
    using Call = void (*)(const void* work, int worker, int64_t piece);

    Job(int64_t n, int most, const void* shared, Call how)
        : n_pieces(n), most_workers(most), work(shared), call(how) {}

    // Without exceptions: a piece that fails half-way has no one to tell.
    void take(int worker) noexcept {
      for (int64_t piece = next++; piece < n_pieces; piece = next++) call(work, worker, piece);
    }
    bool is_open() const { return n_workers < most_workers && next < n_pieces; }

    const int64_t n_pieces;
    const int most_workers;
    const void* const work;
    const Call call;
    std::atomic<int64_t> next{0};
    int n_workers = 1;              // that have begun, the caller first; under the pool's mutex
    std::atomic<int> n_helping{0};  // helpers that have not finished
  };

  static std::atomic<Pool*>& instance() {
    static std::atomic<Pool*> pool{nullptr};
    return pool;
  }

  static void forget_in_children() {
#if defined(__unix__) || defined(__APPLE__)
    static const int registered = pthread_atfork(nullptr, nullptr, [] { instance() = nullptr; });
    static_cast<void>(registered);
#endif
  }

  void post(Job& job) {
    const auto n_useful = std::min<int64_t>(job.most_workers, job.n_pieces) - 1;
    call(static_cast<int>(n_useful), &job);
  }

  // Has up to `n_wanted` threads look for work, such as `job`.
  void call(int n_wanted, Job* job) {
    int n_to_wake = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      start_threads(n_wanted);
      if (job) jobs_.push_back(job);
      ++n_posted_;
      n_to_wake = std::min(n_wanted, n_asleep_);
    }
    for (int i = 0; i < n_to_wake; ++i) posted_.notify_one();
  }

  // Returns when no helper is at the job any more.
  void withdraw(Job& job) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));
    }
    const auto is_done = [&] { return job.n_helping == 0; };
    if (watch(is_done)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    finished_.wait(lock, is_done);
  }

  // More threads than processors would only take turns.
  void start_threads(int n_wanted) {
    const int most = std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1);
    try {
      for (; n_threads_ < std::min(n_wanted, most); ++n_threads_) {
        std::thread([this] { help(); }).detach();
      }
    } catch (const std::system_error&) {
      // The system has no thread to spare: those that there are, and the caller, do everything.
    }
  }

  [[noreturn]] void help() {
    for (std::unique_lock<std::mutex> lock(mutex_);;) {
      Job* job = open_job();
      if (!job) {
        wait(lock);
        continue;
      }
      const int worker = job->n_workers++;
      ++job->n_helping;
      lock.unlock();
      job->take(worker);
      lock.lock();
      // Under the mutex: once none is helping the job may be gone.
      if (--job->n_helping == 0) finished_.notify_all();
    }
  }

  Job* open_job() const {
    const auto open = std::find_if(jobs_.begin(), jobs_.end(), [](Job* job) { return job->is_open(); });
    return open == jobs_.end() ? nullptr : *open;
  }

  // Returns, with the lock, when something was posted since.
  void wait(std::unique_lock<std::mutex>& lock) {
    const uint64_t seen = n_posted_;
    const auto has_more = [&] { return n_posted_ != seen; };
    lock.unlock();
    const bool found = watch(has_more);
    lock.lock();
    if (found) return;
    ++n_asleep_;
    posted_.wait(lock, has_more);
    --n_asleep_;
  }

  std::mutex mutex_;
  std::condition_variable posted_, finished_;
  std::vector<Job*> jobs_;              // that helpers may join
  std::atomic<uint64_t> n_posted_{0};   // ever; changes under the mutex
  int n_threads_ = 0, n_asleep_ = 0;
};

// Wakes threads that `share_out` will need in a moment: waking takes as long as a small piece.
inline void rouse(int n_workers) {
  if (n_workers > 1) Pool::shared().rouse(n_workers);
}

// Calls work(worker, piece) for every piece, on this thread and up to n_workers - 1 others, which are
// numbered from 0. Work must not throw.
template <class Work>
void share_out(int64_t n_pieces, int n_workers, const Work& work) {
  if (n_workers > 1 && n_pieces > 1) return Pool::shared().share_out(n_pieces, n_workers, work);
  for (int64_t piece = 0; piece < n_pieces; ++piece) work(0, piece);
}

}  // namespace latelight
