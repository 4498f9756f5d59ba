#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace penstock::store {

// Callbacks that want to hear of something. Safe from any thread.
//
// Destroying a subscription waits for a call of its callback that is under way on another thread,
// so that afterwards it is never called again: hold no lock then that the callback takes. A
// callback may destroy its own subscription.
template <typename... Args>
class Subscribers final {
 public:
  using Callback = std::function<void(Args...)>;

  [[nodiscard]] std::shared_ptr<void> Add(Callback callback) {
    auto entry = std::make_shared<Entry>();
    entry->callback = std::move(callback);
    const std::lock_guard lock(list_->mutex);
    list_->entries.push_back(entry);
    return std::shared_ptr<void>(entry.get(), [list = list_, entry](void*) {
      {
        const std::lock_guard list_lock(list->mutex);
        std::erase(list->entries, entry);
      }
      const std::lock_guard call_lock(entry->mutex);
      entry->alive = false;
    });
  }

  // Calls all of them, each on its own lock only.
  void Notify(const Args&... args) const {
    std::vector<std::shared_ptr<Entry>> entries;
    {
      const std::lock_guard lock(list_->mutex);
      entries = list_->entries;
    }
    for (const std::shared_ptr<Entry>& entry : entries) {
      const std::lock_guard lock(entry->mutex);
      if (entry->alive) entry->callback(args...);
    }
  }

 private:
  struct Entry {
    std::recursive_mutex mutex;  // held in the callback; recursive so that it may unsubscribe
    bool alive = true;
    Callback callback;  // kept to the last call's end
  };
  struct List {
    std::mutex mutex;
    std::vector<std::shared_ptr<Entry>> entries;
  };
  // Shared, since a subscription may outlive what it subscribed to.
  std::shared_ptr<List> list_ = std::make_shared<List>();
};

}  // namespace penstock::store
