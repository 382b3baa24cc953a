//! A pattern that looks at a value without taking it apart.
//!
//! `select!` has to know whether a branch's pattern matches before it decides to run the branch, and a pattern that
//! binds by value would have taken the value by then. Matched against a reference, a pattern without `ref`, `mut` and `&`
//! binds references only, and matches the same values: the language sees through references wherever a pattern does not
//! speak of them.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

pub(crate) fn by_reference(pattern: TokenStream) -> TokenStream {
    let mut clean = TokenStream::new();
    let mut after_const = false;
    for token in pattern {
        let is_const = matches!(&token, TokenTree::Ident(name) if name == "const");
        match token {
            TokenTree::Ident(name) if name == "ref" || name == "mut" => {}
            TokenTree::Punct(punct) if punct.as_char() == '&' => {}
            // The block of a constant is an expression.
            TokenTree::Group(group) if after_const && group.delimiter() == Delimiter::Brace => {
                clean.extend([TokenTree::Group(group)]);
            }
            // Around a fragment of another macro.
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                clean.extend(by_reference(group.stream()));
            }
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), by_reference(group.stream()));
                inside.set_span(group.span());
                clean.extend([TokenTree::Group(inside)]);
            }
            other => clean.extend([other]),
        }
        after_const = is_const;
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(pattern: &str) -> String {
        by_reference(pattern.parse().unwrap()).to_string().replace(' ', "")
    }

    #[test]
    fn what_binds_by_value_is_gone() {
        assert_eq!(clean("Some(mut x)"), "Some(x)");
        assert_eq!(clean("Point { ref x, mut y, z: &w }"), "Point{x,y,z:w}");
        assert_eq!(clean("&mut [a, .., &b]"), "[a,..,b]");
        assert_eq!(clean("n @ (1..=3 | 7)"), "n@(1..=3|7)");
    }

    #[test]
    fn constants_stay_as_they_are() {
        assert_eq!(clean("(const { &mut 1 }, &x)"), "(const{&mut1},x)");
    }
}
