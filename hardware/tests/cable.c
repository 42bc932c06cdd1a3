/* A driver of pcscd that stands before the real one (REAL) and can be pulled out: while the file PULLED is there, it says
 * what the driver of a USB reader says whose cable was pulled. */
#include <dlfcn.h>
#include <unistd.h>

typedef long Result;
typedef unsigned long Number;
typedef unsigned char *Bytes;
struct Header { Number protocol, length; };

static const Result NO_SUCH_DEVICE = 617;

static void *real(const char *name) {
    return dlsym(dlopen(REAL, RTLD_NOW), name);
}

static int is_pulled(void) {
    return access(PULLED, F_OK) == 0;
}

#define HAND_ON(name, takes, given) \
    Result name takes { \
        if (is_pulled()) return NO_SUCH_DEVICE; \
        return ((Result (*) takes) real(#name)) given; \
    }

HAND_ON(IFDHCreateChannel, (Number lun, Number channel), (lun, channel))
HAND_ON(IFDHCreateChannelByName, (Number lun, char *name), (lun, name))
HAND_ON(IFDHCloseChannel, (Number lun), (lun))
HAND_ON(IFDHGetCapabilities, (Number lun, Number tag, Number *length, Bytes value), (lun, tag, length, value))
HAND_ON(IFDHSetCapabilities, (Number lun, Number tag, Number length, Bytes value), (lun, tag, length, value))
HAND_ON(IFDHSetProtocolParameters,
    (Number lun, Number protocol, unsigned char flags, unsigned char pts1, unsigned char pts2, unsigned char pts3),
    (lun, protocol, flags, pts1, pts2, pts3))
HAND_ON(IFDHPowerICC, (Number lun, Number action, Bytes atr, Number *length), (lun, action, atr, length))
HAND_ON(IFDHTransmitToICC,
    (Number lun, struct Header send, Bytes asked, Number asked_length, Bytes told, Number *told_length, struct Header *receive),
    (lun, send, asked, asked_length, told, told_length, receive))
HAND_ON(IFDHControl,
    (Number lun, Number code, Bytes asked, Number asked_length, Bytes told, Number told_most, Number *told_length),
    (lun, code, asked, asked_length, told, told_most, told_length))
HAND_ON(IFDHICCPresence, (Number lun), (lun))
