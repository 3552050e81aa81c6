-- Names of the data in commands and statements that people copy: each as a word of its language, so
-- that nothing it holds is run. Plain names stay as they are.

-- A word of a shell. What breaks lines is written as an escape, so that a word stays on its line.
create or replace macro shell_word(name) as
    case
        when regexp_full_match(name, '[A-Za-z0-9_./:@%+=,][A-Za-z0-9_./:@%+=,-]*') then name
        when regexp_matches(name, '[[:cntrl:]]') then
            '$''' || replace(replace(replace(replace(replace(
                name, chr(92), chr(92) || chr(92)), '''', chr(92) || ''''),
                chr(10), chr(92) || 'n'), chr(13), chr(92) || 'r'), chr(9), chr(92) || 't') || ''''
        else '''' || replace(name, '''', '''' || chr(92) || '''''') || ''''
    end;

-- What a comment says, which ends with its line.
create or replace macro comment_text(said) as
    regexp_replace(said, '[[:cntrl:]\x{0085}\x{2028}\x{2029}]+', ' ', 'g');

-- A JSON text, quotes and all.
create or replace macro json_text(said) as
    cast(to_json(cast(said as varchar)) as varchar);

-- A text of Spark SQL, where a backslash escapes and a doubled quote does not.
create or replace macro spark_text(said) as
    '''' || replace(replace(replace(replace(
        said, chr(92), chr(92) || chr(92)), '''', chr(92) || ''''),
        chr(10), chr(92) || 'n'), chr(13), chr(92) || 'r') || '''';

-- One part of a name in Spark SQL.
create or replace macro spark_part(part) as
    case when regexp_full_match(part, '[A-Za-z_][A-Za-z0-9_]*') then part
        else '`' || replace(part, '`', '``') || '`' end;

-- A name with its parts between dots, in Spark SQL.
create or replace macro spark_name(dotted) as
    list_aggregate(list_transform(string_split(dotted, '.'), lambda part: spark_part(part)), 'string_agg', '.');

-- The same in Trino.
create or replace macro trino_name(dotted) as
    list_aggregate(list_transform(string_split(dotted, '.'), lambda part:
        case when regexp_full_match(part, '[A-Za-z_][A-Za-z0-9_]*') then part
            else '"' || replace(part, '"', '""') || '"' end
    ), 'string_agg', '.');

-- Adds a rule to those a bucket has. To put a bucket's rules replaces them all: those it has are
-- read first, and nothing is put where that failed.
create or replace macro add_lifecycle_rule(bucket, rule) as
    '# To put rules replaces all rules of the bucket: this reads those it has, adds one (by its ID) and puts all.' || chr(10)
        || '# Look at merged.json before you run the last command.' || chr(10)
        || 'aws s3api get-bucket-lifecycle-configuration --bucket ' || shell_word(bucket) || ' > rules.json 2> rules.err \' || chr(10)
        || '  || { grep NoSuchLifecycleConfiguration rules.err && echo ''{"Rules":[]}'' > rules.json; } || cat rules.err' || chr(10)
        || 'jq -n --argjson rule ' || shell_word(rule) || ' ''{Rules: ([input.Rules[] | select(.ID != $rule.ID)] + [$rule])}'' rules.json > merged.json \' || chr(10)
        || '  && aws s3api put-bucket-lifecycle-configuration --bucket ' || shell_word(bucket) || ' --lifecycle-configuration file://merged.json';
