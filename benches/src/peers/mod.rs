//! The rivals of messages by size: each as its documentation recommends, losing nothing, with a buffer of about the same size.
//!
//! ```text
//! pipe             std::io::pipe, enlarged; all that a kernel needs is one call on each side
//! unix_socket      a connected pair, as a stream and with messages kept apart (seqpacket)
//! posix_mq         a POSIX message queue
//! iceoryx2         publish-subscribe that loses nothing
//! ipmpsc           a ring in a file, a process-shared mutex and condition
//! cloudtoid        cloudtoid-interprocess: a ring in a file, several senders and receivers
//! ipc_channel      servo's, over Unix sockets
//! sync_channel     the standard library's, between two threads
//! ```
//!
//! Of subetha-cxc no version is here: all ask for a later compiler than this workspace's.

mod cloudtoid;
mod iceoryx2;
mod ipc_channel;
mod ipmpsc;
mod pipe;
pub mod posix_mq;
mod sync_channel;
pub mod unix_socket;

pub use cloudtoid::cloudtoid;
pub use iceoryx2::iceoryx2;
pub use ipc_channel::ipc_channel;
pub use ipmpsc::ipmpsc;
pub use pipe::pipe;
pub use posix_mq::{posix_mq, posix_mq_with_priorities};
pub use sync_channel::{boxed, by_value};
pub use unix_socket::{seqpacket, stream};
