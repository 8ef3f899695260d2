//! Singular and plural.

/// A number of things: `1 task`, `28 tasks`.
pub fn counted(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_no_things() {
        assert_eq!([counted(0, "task"), counted(1, "task"), counted(2, "task")], ["0 tasks", "1 task", "2 tasks"]);
    }
}
