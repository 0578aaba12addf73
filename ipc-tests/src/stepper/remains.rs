//! What a killed process leaves behind: the memory that it shares with others.
//!
//! Its registers and its private memory are gone with it, and what the kernel keeps for it changes in syscalls only. So two
//! points between the same two syscalls at which the shared memory is the same are one point: a kill at either leaves the same to
//! the survivors. (A victim must have no robust list: the kernel reads that in private memory when a process dies.)

use super::tracee;

/// The shared memory of a stopped victim, as it was at one time.
#[derive(Debug)]
pub(super) struct Remains {
    /// Address and length of each mapping.
    mappings: Vec<(u64, usize)>,
    then: Vec<u8>,
    now: Vec<u8>,
}

impl Remains {
    /// The shared memory as it is now. The mappings stay these until the next syscall. `None` if it cannot be read.
    pub(super) fn of(pid: libc::pid_t) -> Option<Self> {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
        let mappings: Vec<_> = maps.lines().filter_map(shared).collect();
        let bytes = mappings.iter().map(|(_, length)| length).sum();
        let mut remains = Self { mappings, then: vec![0; bytes], now: vec![0; bytes] };
        (remains.read(pid)).then_some(())?;
        std::mem::swap(&mut remains.then, &mut remains.now);
        Some(remains)
    }

    /// Whether it is still what it was.
    pub(super) fn are_left(&mut self, pid: libc::pid_t) -> bool {
        self.read(pid) && self.then == self.now
    }

    fn read(&mut self, pid: libc::pid_t) -> bool {
        let mut rest = &mut self.now[..];
        self.mappings.iter().all(|(address, length)| {
            let (mapping, behind) = std::mem::take(&mut rest).split_at_mut(*length);
            rest = behind;
            tracee::read(pid, *address, mapping)
        })
    }
}

/// Address and length of a mapping that is shared and may be read: "start-end rw-s offset device inode path".
fn shared(line: &str) -> Option<(u64, usize)> {
    let mut fields = line.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let rights = fields.next()?.as_bytes();
    let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
    (rights.first() == Some(&b'r') && rights.last() == Some(&b's')).then_some((start, (end - start) as usize))
}

#[cfg(test)]
mod tests {
    use super::shared;

    #[test]
    fn only_shared_mappings_that_may_be_read_count() {
        assert_eq!(shared("7f00-9f00 rw-s 00000000 00:01 2 /dev/zero (deleted)"), Some((0x7f00, 0x2000)));
        assert_eq!(shared("7f00-9f00 rw-p 00000000 00:00 0"), None);
        assert_eq!(shared("7f00-9f00 ---s 00000000 00:01 2 /dev/shm/a"), None);
    }
}
