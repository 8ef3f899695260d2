//! The *rules* between options: which need others, and which exclude each other (facts: options 6).

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The option is true to Python.
    True,
    /// The option has this value.
    Is(&'static str),
    /// The option stands there with another value than its default. What it needs must be true to Python.
    Set,
}

#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub key: &'static str,
    /// When this follows from it.
    pub when: When,
    /// What must stand there, too.
    pub requires: &'static [&'static str],
    /// What must be absent or have its default.
    pub conflicts: &'static [&'static str],
}

const fn needs(key: &'static str, requires: &'static [&'static str]) -> Rule {
    Rule { key, when: When::Set, requires, conflicts: &[] }
}

/// All rules. Pungi's `cts_url` needs an option that has a default, which is always there.
pub const RULES: &[Rule] = &[
    needs("base_product_name", &["base_product_short", "base_product_version"]),
    needs("base_product_short", &["base_product_name", "base_product_version"]),
    needs("base_product_version", &["base_product_name", "base_product_short"]),
    needs("lorax_options", &["buildinstall_method"]),
    needs("buildinstall_kickstart", &["buildinstall_method"]),
    needs("product_id_allow_missing", &["product_id"]),
    Rule { key: "pkgset_scratch_modules", when: When::True, requires: &["mbs_api_url"], conflicts: &[] },
    Rule {
        key: "pkgset_source",
        when: When::Is("repos"),
        requires: &["pkgset_repos"],
        conflicts: &["pkgset_koji_tag", "pkgset_koji_inherit"],
    },
    Rule { key: "pkgset_source", when: When::Is("koji"), requires: &[], conflicts: &["pkgset_repos"] },
];
