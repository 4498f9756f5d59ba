#include "runtime/wasi/stream_set.h"

#include <algorithm>
#include <utility>

namespace penstock::wasi {

StreamSet::StreamSet(IoContext& io, Fiber& owner, const Clock& clock, Options options)
    : io_(io), owner_(owner), clock_(clock), options_(options) {}

StreamSet::~StreamSet() = default;

std::shared_ptr<Stream> StreamSet::Open(UniqueFd socket, Stream::Counters counters) {
  open_.push_back(std::make_shared<Stream>(io_, std::move(socket), owner_, counters));
  return open_.back();
}

bool StreamSet::HeldBack(const Stream& stream) const {
  return std::ranges::any_of(
      open_, [&](const auto& other) { return other.get() != &stream && other->over_high_water(); });
}

void StreamSet::FlushAll() {
  for (const auto& stream : open_) stream->Flush();
}

void StreamSet::StartClosing(const std::shared_ptr<Stream>& stream) {
  stream->Close(options_.linger, clock_.Now() + options_.drain_max);
  if (!stream->closed()) closing_.push_back(stream);
}

void StreamSet::Close(const std::shared_ptr<Stream>& stream) {
  const auto at = std::ranges::find(open_, stream);
  if (at == open_.end()) return;
  open_.erase(at);
  StartClosing(stream);
}

void StreamSet::CloseAll() {
  for (const auto& stream : std::exchange(open_, {})) StartClosing(stream);
}

MonotonicTime StreamSet::next_deadline() const {
  MonotonicTime earliest = kNoDeadline;
  for (const auto& stream : closing_) {
    if (!stream->closed()) earliest = std::min(earliest, stream->close_deadline());
  }
  return earliest;
}

void StreamSet::Tick(MonotonicTime now) {
  for (const auto& stream : closing_) {
    if (!stream->closed() && stream->close_deadline() <= now) stream->Tick(now);
  }
  std::erase_if(closing_, [](const auto& stream) { return stream->closed(); });
}

void StreamSet::ResetAll() {
  for (const auto& stream : std::exchange(open_, {})) stream->Reset();
  for (const auto& stream : std::exchange(closing_, {})) stream->Reset();
}

}  // namespace penstock::wasi
