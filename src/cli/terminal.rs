//! The terminal that bars are drawn on. It may go away in the middle of a run; the run goes on all the same.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use indicatif::{ProgressDrawTarget, TermLike};

const DRAWN_EACH_SECOND: u8 = 20;

/// Standard error, where that is a terminal that bars can be drawn on: nothing is drawn elsewhere.
pub(super) fn draw_target() -> ProgressDrawTarget {
    let terminal = Term::buffered_stderr();
    if terminal.is_term() && !console::is_dumb() {
        let lasting = Lasting { terminal, is_gone: AtomicBool::new(false) };
        ProgressDrawTarget::term_like_with_hz(Box::new(lasting), DRAWN_EACH_SECOND)
    } else {
        ProgressDrawTarget::hidden()
    }
}

/// A terminal on which drawing does not fail. To whoever writes past the bars that would be the end: indicatif does not
/// expect that they cannot be taken away first.
#[derive(Debug)]
struct Lasting {
    terminal: Term,
    /// Nobody is left to look. What would be drawn all the same would be kept in memory.
    is_gone: AtomicBool,
}

impl Lasting {
    fn draw(&self, on: impl FnOnce(&Term) -> io::Result<()>) -> io::Result<()> {
        if !self.is_gone.load(Ordering::Relaxed) && on(&self.terminal).is_err() {
            self.is_gone.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl TermLike for Lasting {
    fn width(&self) -> u16 {
        self.terminal.size().1
    }

    fn height(&self) -> u16 {
        self.terminal.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.draw(|terminal| terminal.move_cursor_up(lines))
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.draw(|terminal| terminal.move_cursor_down(lines))
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.draw(|terminal| terminal.move_cursor_right(columns))
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.draw(|terminal| terminal.move_cursor_left(columns))
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.draw(|terminal| terminal.write_line(text))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.draw(|terminal| terminal.write_str(text))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw(Term::clear_line)
    }

    fn flush(&self) -> io::Result<()> {
        self.draw(Term::flush)
    }
}
