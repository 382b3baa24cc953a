//! Two attributes that make a test.

#[raddle::test]
#[test]
async fn twice() {}

fn main() {}
