#include "runtime/wasi/errno.h"

#include <cerrno>

namespace penstock::wasi {

Errno FromHostErrno(int error) {
  switch (error) {
    case 0:
      return Errno::kSuccess;
    case EACCES:
      return Errno::kAcces;
    case EAGAIN:
      return Errno::kAgain;
    case EBADF:
      return Errno::kBadf;
    case ECANCELED:
      return Errno::kCanceled;
    case ECONNABORTED:
      return Errno::kConnAborted;
    case ECONNREFUSED:
      return Errno::kConnRefused;
    case ECONNRESET:
      return Errno::kConnReset;
    case EHOSTUNREACH:
      return Errno::kHostUnreach;
    case EINVAL:
      return Errno::kInval;
    case EMFILE:
      return Errno::kMfile;
    case EMSGSIZE:
      return Errno::kMsgSize;
    case ENETDOWN:
      return Errno::kNetDown;
    case ENETRESET:
      return Errno::kNetReset;
    case ENETUNREACH:
      return Errno::kNetUnreach;
    case ENFILE:
      return Errno::kNfile;
    case ENOBUFS:
      return Errno::kNoBufs;
    case ENOMEM:
      return Errno::kNoMem;
    case ENOTCONN:
      return Errno::kNotConn;
    case EPERM:
      return Errno::kPerm;
    case EPIPE:
      return Errno::kPipe;
    case EPROTO:
      return Errno::kProto;
    case ETIMEDOUT:
      return Errno::kTimedOut;
    default:
      return Errno::kIo;
  }
}

}  // namespace penstock::wasi
