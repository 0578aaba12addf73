//! How far the calls of a pool have got: as figures, and on a bar.

#![cfg(all(not(loom), target_os = "linux"))]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ipc_posix::indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle, TermLike};
use ipc_posix::pool::{self, Pool};
use ipc_posix::{Region, ValueQueue, task};
use ipc_tests::children::TempName;
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

ipc_posix::task_entry!();

fn two() -> Pool {
    pool::options().workers(2).attempts(1).start().unwrap()
}

/// Fails with each tenth number.
fn some_fail(number: u64) -> u64 {
    assert!(number % 10 != 3, "as planned");
    number
}
task!(some_fail);

/// Goes on when it is let.
fn wait_for(gate: ValueQueue<u64>, number: u64) -> u64 {
    gate.recv().unwrap();
    number
}
task!(wait_for);

fn ends(number: u64) -> u64 {
    std::process::exit(number as i32);
}
task!(ends);

/// A terminal that keeps what is written to it.
#[derive(Clone, Debug, Default)]
struct Terminal(Arc<Mutex<String>>);

impl Terminal {
    fn bar(&self, bar: ProgressBar) -> ProgressBar {
        bar.set_draw_target(ProgressDrawTarget::term_like_with_hz(Box::new(self.clone()), 200));
        bar
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    /// Whether half of twenty is done, and the rest takes time.
    fn is_in_the_midst(&self) -> bool {
        let last = self.last();
        last.starts_with("[===============>              ] 10 of 20, 0 failed, ") && last.ends_with("s left")
    }

    /// What the line was in the end.
    fn last(&self) -> String {
        let text = self.text();
        text.rsplit(['\n', '\r']).map(str::trim_end).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        200
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap().push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write_str("\r")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_map_says_how_many_items_are_done() {
    let _watchdog = Watchdog::new(LIMIT, "a_map_says_how_many_items_are_done");
    let name = TempName::new("pool-progress");
    let region = Region::create(name.as_str()).unwrap();
    let gate = region.value_queue::<u64>("gate").create().unwrap();
    let pool = two();
    let items: Vec<_> = (0..20).map(|number| (gate.clone(), number)).collect();
    let call = pool.map_async(wait_for, items).unwrap();
    for let_through in [2, 5, 20] {
        while (call.progress().done as u64) < let_through {
            // Chunks have two items, and there are two workers.
            let _ = gate.try_send(&0);
            std::thread::yield_now();
        }
        assert_eq!((call.progress().failed, call.progress().total), (0, Some(20)));
    }
    assert_eq!(call.progress().done, 20);
    assert_eq!(call.get().unwrap(), (0..20).collect::<Vec<_>>());
    // The errors of a map.
    let call = pool.map_async(some_fail, 0..1000).unwrap();
    assert!(call.wait_timeout(LIMIT));
    let progress = call.progress();
    assert!(progress.failed >= 1 && progress.done < 1000 && progress.total == Some(1000), "{progress:?}");
    assert!(call.get().is_err());
    let call = pool.map_async(ends, [5]).unwrap();
    assert!(call.wait_timeout(LIMIT));
    assert_eq!((call.progress().done, call.progress().failed), (0, 1));
    // Of unknown length, until it is known.
    let call = pool.map_async(some_fail, (0..1000).filter(|number| number % 10 == 0)).unwrap();
    assert!(call.wait_timeout(LIMIT));
    assert_eq!((call.progress().done, call.progress().failed, call.progress().total), (100, 0, Some(100)));
}

#[test]
fn a_stream_knows_how_much_is_left() {
    let _watchdog = Watchdog::new(LIMIT, "a_stream_knows_how_much_is_left");
    let pool = two();
    let mut stream = pool.stream(some_fail, 0..30).window(5);
    for left in (0..=30).rev() {
        assert_eq!(stream.size_hint().1, Some(left));
        assert_eq!(stream.next().is_some(), left > 0);
    }
    assert_eq!(pool.stream(some_fail, 0..).size_hint().1, None);
    let mut stream = pool.stream(some_fail, 0..30).as_completed();
    for left in (0..=30).rev() {
        let (least, most) = stream.size_hint();
        assert!(least <= left && most == Some(left), "{least}, {most:?}");
        assert_eq!(stream.next().is_some(), left > 0);
    }
}

#[test]
fn a_bar_counts_what_is_done_and_what_has_failed() {
    let _watchdog = Watchdog::new(LIMIT, "a_bar_counts_what_is_done_and_what_has_failed");
    let pool = two();
    let terminal = Terminal::default();
    let bar = terminal.bar(pool::progress_bar());
    let failed = pool.stream(some_fail, 0..200).bar(bar.clone()).filter(Result::is_err).count();
    assert_eq!((failed, bar.position(), bar.length(), bar.is_finished()), (20, 200, Some(200), true));
    let last = terminal.last();
    assert!(last.starts_with("[==============================] 200 of 200, 20 failed, "), "{last}");
    assert!(last.ends_with("/s"), "{last}");

    // In the order of their coming; and a style of the user's own.
    let terminal = Terminal::default();
    let style = ProgressStyle::with_template("{msg}: {done} + {failed} = {pos}").unwrap();
    let bar = ProgressBar::no_length().with_message("some").with_style(style).with_finish(ProgressFinish::AndLeave);
    let bar = terminal.bar(bar);
    let stream = pool.stream(some_fail, (0..50).filter(|number| number % 2 == 1)).bar(bar.clone());
    assert_eq!(stream.as_completed().count(), 25);
    assert_eq!((bar.position(), bar.length()), (25, None));
    assert_eq!(terminal.last(), "some: 20 + 5 = 25");
}

#[test]
fn a_bar_of_a_map_moves_while_it_waits() {
    let _watchdog = Watchdog::new(LIMIT, "a_bar_of_a_map_moves_while_it_waits");
    let name = TempName::new("pool-bar");
    let region = Region::create(name.as_str()).unwrap();
    let gate = region.value_queue::<u64>("gate").create().unwrap();
    let pool = two();
    let terminal = Terminal::default();
    let bar = terminal.bar(pool::progress_bar());
    let items: Vec<_> = (0..20).map(|number| (gate.clone(), number)).collect();
    let results = std::thread::scope(|scope| {
        let map = scope.spawn(|| pool.map_with_bar(bar.clone(), wait_for, items));
        for number in 0..20 {
            // The bar shows each, though nobody has all results.
            while bar.position() < number {
                std::thread::yield_now();
            }
            assert!(!bar.is_finished());
            // It is drawn again and again.
            while number == 10 && !terminal.is_in_the_midst() {
                std::thread::yield_now();
            }
            gate.send(&0).unwrap();
        }
        map.join().unwrap()
    });
    assert_eq!(results.unwrap(), (0..20).collect::<Vec<_>>());
    assert_eq!((bar.position(), bar.length(), bar.is_finished()), (20, Some(20), true));
    assert!(terminal.last().starts_with("[==============================] 20 of 20, 0 failed, "));

    // One that fails leaves its bar as it is.
    let bar = Terminal::default().bar(pool::progress_bar());
    assert!(pool.map_with_bar(bar.clone(), some_fail, 0..10_000).is_err());
    assert!(bar.is_finished() && bar.position() < 10_000);
    let bar = Terminal::default().bar(pool::progress_bar());
    drop(pool.stream(some_fail, 0..10).bar(bar.clone()).next());
    assert!(bar.is_finished() && bar.position() <= 10);
}
