//! `membarrier`: a full fence in every other participant at the cost of the one who asks.
//!
//! With it, a notifier needs no fence between its state change and its search for sleepers: the sleeper fences for
//! both. See membarrier(2), `MEMBARRIER_CMD_GLOBAL_EXPEDITED`: it reaches the processes that have registered.

const CMD_QUERY: libc::c_int = 0;
const CMD_GLOBAL_EXPEDITED: libc::c_int = 1 << 1;
const CMD_REGISTER_GLOBAL_EXPEDITED: libc::c_int = 1 << 2;

fn membarrier(command: libc::c_int) -> libc::c_long {
    // SAFETY: membarrier takes plain numbers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
}

/// Registers this process with the others. `false` if the kernel (or a seccomp filter) does not offer it.
pub(crate) fn register() -> bool {
    let wanted = libc::c_long::from(CMD_GLOBAL_EXPEDITED | CMD_REGISTER_GLOBAL_EXPEDITED);
    let offered = membarrier(CMD_QUERY);
    offered >= 0 && offered & wanted == wanted && membarrier(CMD_REGISTER_GLOBAL_EXPEDITED) == 0
}

/// A full fence here and in every registered process that is running.
pub(crate) fn global() {
    membarrier(CMD_GLOBAL_EXPEDITED);
    // Should a filter have been installed since: at least our own half. Sleeps are sliced, so nobody hangs.
    ipc_core::sync::fence(ipc_core::sync::Ordering::SeqCst);
}
