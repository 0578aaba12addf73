//! Functions that run in processes of their own: what they are, and how a program finds one by its name.

use std::any::TypeId;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::child::Started;
use super::error::SpawnError;
use crate::pool::Serving;

/// A function whose arguments and result can go from process to process: up to six arguments of serde's types, and a result of one.
///
/// `Form` tells functions of different numbers of arguments apart. The compiler finds it. Implemented for functions, and not to be
/// implemented by others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run in a process of its own",
    label = "not a function of up to six arguments that serde can write and read",
    note = "text is an argument as `String`, an open file or socket as `ipc_posix::process::Descriptor`",
    note = "a task is a plain function, not a closure with variables: they lie in the memory of this process"
)]
pub trait Task<Form>: Copy + 'static {
    /// The argument; a tuple of several, or `()`.
    type Args: Serialize + DeserializeOwned;
    /// The result.
    type Output: Serialize + DeserializeOwned;

    /// Calls the function here.
    fn call(self, args: Self::Args) -> Self::Output;
}

macro_rules! forms {
    ($(($($arg:ident),*) = $args:ty, $pattern:pat,)*) => {$(
        impl<F, R, $($arg),*> Task<fn($($arg),*) -> R> for F
        where
            F: Fn($($arg),*) -> R + Copy + 'static,
            R: Serialize + DeserializeOwned,
            $($arg: Serialize + DeserializeOwned,)*
        {
            type Args = $args;
            type Output = R;

            #[allow(non_snake_case, reason = "named as their types")]
            fn call(self, $pattern: $args) -> R {
                self($($arg),*)
            }
        }
    )*};
}
forms! {
    () = (), (),
    (A) = A, A,
    (A, B) = (A, B), (A, B),
    (A, B, C) = (A, B, C), (A, B, C),
    (A, B, C, D) = (A, B, C, D), (A, B, C, D),
    (A, B, C, D, E) = (A, B, C, D, E), (A, B, C, D, E),
    (A, B, C, D, E, G) = (A, B, C, D, E, G), (A, B, C, D, E, G),
}

/// A function that was registered with [`task!`](crate::task).
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its path.
    pub name: &'static str,
    /// The users' own number for the meaning of arguments and result.
    pub schema: u64,
    /// Its type, which no other function of this program has.
    pub id: fn() -> TypeId,
    /// Runs it on the arguments that have come, and returns the exit code.
    pub run: fn(Started) -> i32,
    /// Runs it on each of some arguments, for a pool.
    pub serve: fn(Serving<'_>),
}

/// All tasks of this program, in no order.
#[linkme::distributed_slice]
pub static TASKS: [Entry];

/// The tests that run tasks, where the test runner is the program: see [`task_entry!`](crate::task_entry).
#[linkme::distributed_slice]
pub static ENTRIES: [&'static str];

/// The arguments by which the test runner comes to the test that runs tasks; none in other programs.
pub(super) fn runner_arguments() -> Option<[&'static str; 4]> {
    let path = ENTRIES.iter().next()?;
    // Without the crate.
    let (_, name) = path.split_once("::")?;
    Some([name, "--exact", "--nocapture", "--test-threads=1"])
}

/// The type of a function.
pub fn id_of<F: 'static>(_: &F) -> TypeId {
    TypeId::of::<F>()
}

/// The entry of a function of this program.
pub(crate) fn entry_of<F: 'static>(function: &F) -> Result<&'static Entry, SpawnError> {
    let id = id_of(function);
    let found = TASKS.iter().find(|entry| (entry.id)() == id);
    let entry = found.ok_or_else(|| SpawnError::NotATask { function: std::any::type_name::<F>() })?;
    // The process that is started searches for the name.
    if TASKS.iter().any(|other| other.name == entry.name && (other.id)() != id) {
        return Err(SpawnError::TwoTasks { name: entry.name });
    }
    Ok(entry)
}

/// The entry of this name and schema.
pub(crate) fn named(name: &str, schema: u64) -> Option<&'static Entry> {
    TASKS.iter().find(|entry| entry.name == name && entry.schema == schema)
}

/// The bytes of the longest name.
pub(crate) fn longest_name() -> usize {
    TASKS.iter().map(|entry| entry.name.len()).max().unwrap_or(0)
}

/// Whether a task is not this crate's own.
pub(crate) fn is_users(entry: &Entry) -> bool {
    !entry.name.starts_with("ipc_posix::pool::")
}

/// What tasks there are, for people: those of users.
pub(crate) fn known() -> String {
    let users = TASKS.iter().filter(|entry| is_users(entry));
    let mut known: Vec<_> = users.map(|entry| format!("{} (schema {})", entry.name, entry.schema)).collect();
    known.sort_unstable();
    known.join(", ")
}

/// Registers a function as a task, which can run in a process of its own: see the [module's page](crate::process). Written behind the function. The function
/// itself stays as it is.
///
/// ```
/// fn square(number: u64) -> u64 {
///     number * number
/// }
/// ipc_posix::task!(square);
///
/// assert_eq!(square(3), 9);
/// ```
///
/// A task is called by the path of its module and its name. `task!(square, name = "square")` gives it another name, under which it is the same in
/// two programs that have it in different places. It may have a number for the meaning of its arguments and its result, 0 by default:
/// `task!(square, schema = 2)`, behind the name if there is one. A program that is started for a task of another schema refuses it.
///
/// A function with type parameters cannot be a task, for it has no name that means one of its forms. Nor can a method, which is called by a function.
///
/// There is no list of tasks to keep: the linker collects them (the crate `linkme`, which this macro brings along).
#[macro_export]
macro_rules! task {
    ($function:ident, name = $name:literal $(, schema = $schema:expr)? $(,)?) => {
        $crate::task!(@register $function, $name, 0 $(+ $schema)?);
    };
    ($function:ident $(, schema = $schema:expr)? $(,)?) => {
        $crate::task!(@register $function, concat!(module_path!(), "::", stringify!($function)), 0 $(+ $schema)?);
    };
    (@register $function:ident, $name:expr, $schema:expr) => {
        const _: () = {
            #[$crate::process::private::linkme::distributed_slice($crate::process::private::TASKS)]
            #[linkme(crate = $crate::process::private::linkme)]
            static TASK: $crate::process::private::Entry = $crate::process::private::Entry {
                name: $name,
                schema: $schema,
                id: || $crate::process::private::id_of(&$function),
                run: |started| $crate::process::private::run($function, started),
                serve: |serving| $crate::process::private::serve($function, serving),
            };
        };
    };
}

/// Lets the unit tests of a crate, or a file of its integration tests, spawn tasks. Written once, in any module of theirs.
///
/// The program is the test runner there, and nothing of ours comes before its `main`. So this writes a test, which returns at once in the
/// tests' own process. In a process that was started for a task, the runner is told to run that test, which runs the task.
///
/// ```
/// # fn main() {}
/// # #[cfg(test)]
/// ipc_posix::task_entry!();
/// ```
///
/// The runner prints its own lines to the standard output of such a process.
#[macro_export]
macro_rules! task_entry {
    () => {
        #[test]
        fn ipc_posix_task_entry() {
            $crate::process::init();
        }

        const _: () = {
            #[$crate::process::private::linkme::distributed_slice($crate::process::private::ENTRIES)]
            #[linkme(crate = $crate::process::private::linkme)]
            static ENTRY: &str = concat!(module_path!(), "::ipc_posix_task_entry");
        };
    };
}
