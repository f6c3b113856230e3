// A library that is loaded before a server's others (LD_PRELOAD, clocks.py) and shows it clocks that are wrong: SKEW_SECONDS off by the
// calendar, and all of them SKEW_RATE times as fast. Who waits until a time by such a clock waits until it shows that. libfaketime does
// more, and does not start under jemalloc, whose first allocation asks for the time. Any thread calls it; it keeps no state.

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <linux/futex.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <ctime>

namespace {

constexpr double kNano = 1e9;
// Absolute times beyond are the calendar's: no machine is up for thirty years.
constexpr time_t kCalendar = 1'000'000'000;

// Not by a function of a library: those are ours, and to look for the next one takes memory, which asks for the time.
long kernel(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  long result = 0;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#else
#error "how this processor calls its kernel is not known here"
#endif
}

timespec real(clockid_t clock) {
  timespec now{};
  kernel(SYS_clock_gettime, clock, reinterpret_cast<long>(&now), 0, 0, 0, 0);
  return now;
}

double number(const char* name, double otherwise) {
  const char* text = ::getenv(name);
  return text == nullptr ? otherwise : ::atof(text);
}

bool is_of_the_calendar(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

timespec plus(timespec time, double seconds) {
  long long nanoseconds = time.tv_nsec + static_cast<long long>(seconds * kNano);
  long long whole = nanoseconds / 1'000'000'000;
  if (nanoseconds % 1'000'000'000 < 0) --whole;
  return {time.tv_sec + static_cast<time_t>(whole), static_cast<long>(nanoseconds - whole * 1'000'000'000)};
}

double between(timespec from, timespec to) {
  return static_cast<double>(to.tv_sec - from.tv_sec) + static_cast<double>(to.tv_nsec - from.tv_nsec) / kNano;
}

// The rate counts from the first question on.
timespec skewed(clockid_t clock) {
  static const double off = number("SKEW_SECONDS", 0);
  static const double faster = number("SKEW_RATE", 1) - 1;
  static const timespec begin = real(CLOCK_MONOTONIC);
  const bool calendar = is_of_the_calendar(clock);
  if (!calendar && clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE && clock != CLOCK_BOOTTIME)
    return real(clock);
  return plus(real(clock), (calendar ? off : 0) + faster * between(begin, real(CLOCK_MONOTONIC)));
}

// The true time at which the clock will show `until`: the rest that it shows, at its rate.
timespec truth(clockid_t clock, const timespec& until) {
  static const double rate = number("SKEW_RATE", 1);
  return plus(real(clock), between(skewed(clock), until) / rate);
}

clockid_t clock_of(const timespec& until) { return until.tv_sec > kCalendar ? CLOCK_REALTIME : CLOCK_MONOTONIC; }

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  *now = skewed(clock);
  return 0;
}

int gettimeofday(timeval* now, void*) noexcept {
  const timespec time = skewed(CLOCK_REALTIME);
  *now = {time.tv_sec, time.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* out) noexcept {
  const time_t now = skewed(CLOCK_REALTIME).tv_sec;
  if (out != nullptr) *out = now;
  return now;
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  static const auto wait = next<decltype(&pthread_cond_timedwait)>("pthread_cond_timedwait");
  const timespec real_end = truth(clock_of(*until), *until);
  return wait(condition, mutex, &real_end);
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock, const timespec* until) {
  static const auto wait = next<decltype(&pthread_cond_clockwait)>("pthread_cond_clockwait");
  const timespec real_end = truth(clock, *until);
  return wait(condition, mutex, clock, &real_end);
}

int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* until) noexcept {
  static const auto lock = next<int (*)(pthread_mutex_t*, const timespec*)>("pthread_mutex_timedlock");
  const timespec real_end = truth(CLOCK_REALTIME, *until);
  return lock(mutex, &real_end);
}

// Abseil and the standard library wait by this one. Of the operations only those with a bit set take a time of a clock.
long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long given[6];
  for (long& one : given) one = va_arg(list, long);
  va_end(list);
  timespec until{};
  const long operation = given[1] & FUTEX_CMD_MASK;
  if (number == SYS_futex && operation == FUTEX_WAIT_BITSET && given[3] != 0) {
    const clockid_t clock = (given[1] & FUTEX_CLOCK_REALTIME) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    until = truth(clock, *reinterpret_cast<const timespec*>(given[3]));
    given[3] = reinterpret_cast<long>(&until);
  }
  const long result = kernel(number, given[0], given[1], given[2], given[3], given[4], given[5]);
  if (result >= 0 || result < -4095) return result;
  errno = static_cast<int>(-result);
  return -1;
}

int sem_timedwait(sem_t* semaphore, const timespec* until) {
  static const auto wait = next<decltype(&sem_timedwait)>("sem_timedwait");
  const timespec real_end = truth(CLOCK_REALTIME, *until);
  return wait(semaphore, &real_end);
}
}
