//! A *scope*: the variables of one file, in the order in which they were first set.

use crate::source::Span;
use crate::tree::{Dict, Node, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// A value with how deep it is nested, which includes what its variables brought.
#[derive(Debug, Clone)]
pub struct Nested {
    pub node: Node,
    /// 0 for a plain value, 1 for a list of plain values and so on.
    pub depth: u32,
}

#[derive(Debug, Clone)]
pub struct Variable {
    pub name: Arc<str>,
    /// Where it was set last.
    pub span: Span,
    pub value: Nested,
}

/// The variables of one file.
#[derive(Debug, Default)]
pub struct Scope {
    variables: Vec<Variable>,
    index: HashMap<Arc<str>, usize>,
    /// Names that included files see.
    globals: Vec<Arc<str>>,
}

impl Scope {
    /// Sets a variable; one that exists keeps its place in the order.
    pub fn set(&mut self, variable: Variable) {
        match self.index.get(&variable.name) {
            Some(at) => self.variables[*at] = variable,
            None => {
                self.index.insert(variable.name.clone(), self.variables.len());
                self.variables.push(variable);
            }
        }
    }

    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.index.get(name).and_then(|at| self.variables.get(*at))
    }

    /// All variables, in order.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Marks a name as seen by included files.
    pub fn add_global(&mut self, name: &Arc<str>) {
        if !self.globals.contains(name) {
            self.globals.push(name.clone());
        }
    }

    /// The names that included files see.
    pub fn globals(&self) -> &[Arc<str>] {
        &self.globals
    }

    /// The scope in which an included file starts.
    pub fn for_include(&self) -> Self {
        let mut scope = Self { globals: self.globals.clone(), ..Self::default() };
        for variable in self.globals.iter().filter_map(|name| self.get(name)) {
            scope.set(variable.clone());
        }
        scope
    }

    pub fn into_dict(self) -> Dict {
        let entry = |variable: Variable| (Node::new(Value::Str(variable.name), variable.span), variable.value.node);
        Dict { entries: self.variables.into_iter().map(entry).collect() }
    }
}
