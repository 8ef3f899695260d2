//! *Python's view* of values: how it prints them ([`repr`]) and what its `%` operator makes of them ([`mod@format`]).
//!
//! Everything writes into a [`Text`], whose budget bounds what a file can make us produce: a list that is printed ten times
//! in a list that is printed ten times grows by ten with every line of the file.

pub mod float;
pub mod format;
pub mod int;
pub mod repr;

/// What went wrong: a sentence fragment.
pub type Problem = String;

/// Text under construction that may not outgrow its budget.
#[derive(Debug)]
pub struct Text<'b> {
    out: String,
    budget: &'b mut usize,
}

impl<'b> Text<'b> {
    /// Empty text that takes what it needs out of `budget` (bytes).
    pub fn new(budget: &'b mut usize) -> Self {
        Self { out: String::new(), budget }
    }

    /// Takes `cost` out of the budget without writing anything.
    pub fn charge(&mut self, cost: usize) -> Result<(), Problem> {
        match self.budget.checked_sub(cost) {
            Some(rest) => {
                *self.budget = rest;
                Ok(())
            }
            None => Err("formatting makes too much text".to_owned()),
        }
    }

    pub fn push(&mut self, text: &str) -> Result<(), Problem> {
        self.charge(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    /// Appends a character `count` times.
    pub fn repeat(&mut self, c: char, count: usize) -> Result<(), Problem> {
        self.charge(count.saturating_mul(c.len_utf8()))?;
        self.out.extend(std::iter::repeat_n(c, count));
        Ok(())
    }

    pub fn finish(self) -> String {
        self.out
    }

    /// A piece that draws on the same budget.
    pub fn piece(&mut self) -> Text<'_> {
        Text::new(self.budget)
    }
}
