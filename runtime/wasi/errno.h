#pragma once

#include <cstdint>

namespace penstock::wasi {

// WASI preview 1 `errno` (witx/typenames.witx, $errno), same values.
enum class Errno : uint16_t {
  kSuccess = 0, k2Big, kAcces, kAddrInUse, kAddrNotAvail, kAfNoSupport, kAgain, kAlready, kBadf,
  kBadMsg, kBusy, kCanceled, kChild, kConnAborted, kConnRefused, kConnReset, kDeadlk,
  kDestAddrReq, kDom, kDquot, kExist, kFault, kFbig, kHostUnreach, kIdrm, kIlseq, kInProgress,
  kIntr, kInval, kIo, kIsConn, kIsDir, kLoop, kMfile, kMlink, kMsgSize, kMultiHop, kNameTooLong,
  kNetDown, kNetReset, kNetUnreach, kNfile, kNoBufs, kNoDev, kNoEnt, kNoExec, kNoLck, kNoLink,
  kNoMem, kNoMsg, kNoProtoOpt, kNoSpc, kNoSys, kNotConn, kNotDir, kNotEmpty, kNotRecoverable,
  kNotSock, kNotSup, kNotTty, kNxio, kOverflow, kOwnerDead, kPerm, kPipe, kProto, kProtoNoSupport,
  kPrototype, kRange, kRofs, kSpipe, kSrch, kStale, kTimedOut, kTxtBsy, kXdev, kNotCapable,
};
static_assert(static_cast<int>(Errno::kNotCapable) == 76);

// Translates a Linux errno value; unknown ones become kIo. EINTR never reaches a guest.
Errno FromHostErrno(int error);

}  // namespace penstock::wasi
