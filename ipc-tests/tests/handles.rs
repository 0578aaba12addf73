//! What all handles have in common: they tell whether they mean one object.

#![cfg(all(not(loom), unix))]

use ipc_posix::Region;

#[test]
fn handles_of_one_object_are_of_one_object() {
    let region = Region::options().anonymous().expect("a region");
    let one = region.event("one").create().expect("new");
    let again = region.event("one").open().expect("it is there");
    let two = region.event("two").create().expect("new");
    assert!(one.same_object(&again) && again.same_object(&one.clone()));
    assert!(!one.same_object(&two), "another name");
    let elsewhere = Region::options().anonymous().expect("another region").event("one").create().expect("new");
    assert!(!one.same_object(&elsewhere), "another region");
}

#[test]
fn another_attachment_has_the_same_objects() {
    let file = ipc_tests::children::TempName::new("same");
    let region = Region::options().create(file.as_str()).expect("a region");
    let one = region.queue::<u64>("queue").capacity(1).create().expect("new");
    let other = Region::open(file.as_str()).expect("it is there").queue::<u64>("queue").open().expect("it is there");
    assert!(one.same_object(&other));
    // A new region of that name has other ones.
    Region::unlink(file.as_str()).expect("it is there");
    let region = Region::options().create(file.as_str()).expect("a region");
    assert!(!one.same_object(&region.queue::<u64>("queue").capacity(1).create().expect("new")));
}
