//! What is weakened, and which model has to notice.

mod array;
mod atomic;
mod barrier;
mod broadcast;
mod bytes;
mod condvar;
mod duplex;
mod ends;
mod event;
mod level;
mod loan;
mod map;
mod mutex;
mod once;
mod priority;
mod queue;
mod region;
mod ring;
mod rwlock;
mod semaphore;
mod spsc;
mod stack;
mod vector;
mod wait;
mod watch;
mod work;
mod work_calls;
mod work_limit;

/// A change of one file.
pub enum Edit {
    /// A replacement.
    Text {
        file: &'static str,
        from: &'static str,
        to: &'static str,
        /// How often `from` is there; all of them are replaced.
        times: usize,
    },
    /// A wake-up that does not take place.
    Silence {
        file: &'static str,
        /// In which function.
        function: &'static str,
        /// Which one of the function's, from 1.
        nth: usize,
    },
}

/// One weakening.
pub struct Mutant {
    pub name: &'static str,
    pub edits: &'static [Edit],
    /// What is lost with it.
    pub protects: &'static str,
    /// The test file and the model.
    pub caught_by: (&'static str, &'static str),
}

const fn edit(file: &'static str, times: usize, from: &'static str, to: &'static str) -> Edit {
    Edit::Text { file, from, to, times }
}

const fn silence(file: &'static str, function: &'static str, nth: usize) -> Edit {
    Edit::Silence { file, function, nth }
}

/// All of them.
pub fn mutants() -> impl Iterator<Item = &'static Mutant> + Clone {
    let tables: [&'static [Mutant]; 28] = [
        ring::MUTANTS,
        wait::MUTANTS,
        queue::MUTANTS,
        ends::MUTANTS,
        spsc::MUTANTS,
        duplex::MUTANTS,
        bytes::MUTANTS,
        stack::MUTANTS,
        priority::MUTANTS,
        level::MUTANTS,
        loan::MUTANTS,
        work::MUTANTS,
        work_calls::MUTANTS,
        work_limit::MUTANTS,
        broadcast::MUTANTS,
        mutex::MUTANTS,
        rwlock::MUTANTS,
        semaphore::MUTANTS,
        event::MUTANTS,
        atomic::MUTANTS,
        array::MUTANTS,
        map::MUTANTS,
        vector::MUTANTS,
        condvar::MUTANTS,
        once::MUTANTS,
        watch::MUTANTS,
        barrier::MUTANTS,
        region::MUTANTS,
    ];
    tables.into_iter().flatten()
}
