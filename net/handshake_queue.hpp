#pragma once

#include <boost/intrusive/list.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace carillon::net {

using handshake_hook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<class in_handshake_queue>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// Something whose TLS handshake can go on. Leaves its queue by itself when destroyed.
class handshake_entry : public handshake_hook {
public:
  /// Computes until the other side has to say something: some tenths of a millisecond. Called once per `add`;
  /// the entry is out of the queue by then.
  virtual void take_step() = 0;

protected:
  ~handshake_entry() = default;
};

/// Whom a handshake serves: a target that answers, as far as anybody knows, or one that let the last POST time out.
enum class handshake_class : std::uint8_t { prompt, silent };

/// Handshakes that can go on, to be taken one step a turn of the loop. So what comes over open connections
/// waits for one step at most, however many connections are being opened; and a loop that has nothing else to
/// do goes from step to step, so that none waits for anything but the processor.
///
/// The two classes take turns: neither starves, and a handshake for a target that answers has at most as many
/// steps of the others before it as of its own class.
class handshake_queue {
public:
  /// Behind those of its class; stays where it is when it is there already.
  void add(handshake_entry& entry, handshake_class of) {
    if (!entry.handshake_hook::is_linked())
      waiting_[static_cast<std::size_t>(of)].push_back(entry);
  }

  bool empty() const noexcept { return waiting_[0].empty() && waiting_[1].empty(); }

  void take_step() {
    next_ = 1 - next_;
    auto& from = waiting_[waiting_[next_].empty() ? 1 - next_ : next_];
    if (from.empty())
      return;
    auto& entry = from.front();
    from.pop_front();
    entry.take_step();
  }

private:
  using list = boost::intrusive::list<handshake_entry, boost::intrusive::base_hook<handshake_hook>,
                                      boost::intrusive::constant_time_size<false>>;

  std::array<list, 2> waiting_; ///< by class
  std::size_t next_ = 1;        ///< whose turn it was
};

} // namespace carillon::net
