//! Our fault classes are Koji's.

use magudi_koji::FaultClass;

#[test]
fn classes_are_koji_s() {
    let path = magudi_testkit::fixture("koji/faultclasses.json");
    let list: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(list.len(), FaultClass::ALL.len());
    for (name, facts) in list {
        let class = FaultClass::from_code(facts["code"].as_i64().unwrap()).unwrap();
        assert_eq!(class.name(), name);
        assert_eq!(Some(class.code()), facts["code"].as_i64());
        let parent = class.parent().map_or("Exception", FaultClass::name);
        assert_eq!(Some(parent), facts["parent"].as_str(), "{name}");
    }
}
