package lanyardtest_test

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/lanyardtest"
)

// In a test, t is its *testing.T.
func Example() {
	srv := lanyardtest.New(t)
	srv.AddProfile("Night shift", "Users.View")
	srv.AddUser("anna", "Night shift", "Agent")

	srv.AssertAllowed("anna", "Users.View")
	srv.AssertDenied("anna", "Users.Edit")
	// Output:
}

// A failed assertion says what each security profile contributes.
func ExampleServer_AssertAllowed() {
	srv := lanyardtest.New(t, lanyardtest.WithTemplate(`
Parameters:
  InstanceArn: {Type: String}
Resources:
  France:
    Type: AWS::Connect::SecurityProfile
    Properties:
      InstanceArn: !Ref InstanceArn
      SecurityProfileName: France
      Permissions: [Users.View, Users.Edit]
      AllowedAccessControlTags: [{Key: Country, Value: FR}]
      TagRestrictedResources: [User]
`))
	srv.AddUser("claire", "France", "Agent")
	srv.AddUser("jonas", "Agent")

	srv.AssertAllowed("claire", "Users.Edit", "User/jonas")
	// Output:
	// claire: Users.Edit on User/jonas is denied, want allowed
	//     profile "France" grants it and requires tag Country=FR; the resource has nothing
	//     profile "Agent" does not grant it
}

// Code that retries can be tested without waiting for a service to fail.
func ExampleServer_Fault() {
	srv := lanyardtest.New(t)
	srv.Fault("ListUsers", "ThrottlingException", 2)

	for range 3 {
		err := srv.Call("ListUsers", nil, nil)
		var e *lanyardtest.Exception
		fmt.Println(errors.As(err, &e) && e.Name == "ThrottlingException")
	}
	// Output:
	// true
	// true
	// false
}

// Call carries out any operation, here one that a rule of the service refuses.
func ExampleServer_Call() {
	srv := lanyardtest.New(t)
	err := srv.Call("CreateSecurityProfile", map[string]any{"SecurityProfileName": "Admin"}, nil)
	var e *lanyardtest.Exception
	if errors.As(err, &e) {
		fmt.Println(e.Name)
	}
	// Output:
	// DuplicateResourceException
}

// What expires can be tested by setting the clock of the server.
func ExampleServer_SetTime() {
	srv := lanyardtest.New(t)
	srv.SetTime(time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC))
	srv.Advance(24 * time.Hour)
	fmt.Println(srv.Now())
	// Output:
	// 2031-05-07 07:08:09 +0000 UTC
}

// A snapshot answers questions of every kind, such as who may do something.
func ExampleServer_Snapshot() {
	srv := lanyardtest.New(t)
	srv.AddUser("anna", "Admin")
	srv.AddUser("ben", "Agent")

	found, _ := srv.Snapshot().WhoCan(&access.Query{Action: "Users.Edit"}, access.Page{})
	for _, who := range found {
		fmt.Println(who.Name)
	}
	// Output:
	// anna
}

// Expensive preparations can be made once, and be gone back to.
func ExampleServer_Save() {
	srv := lanyardtest.New(t)
	srv.AddUser("anna", "Agent")
	srv.Save("prepared")

	srv.AddUser("ben", "Agent")
	srv.Load("prepared")
	for u := range srv.Snapshot().Users() {
		fmt.Println(u.Name)
	}
	// Output:
	// anna
}

// A client of any kind reaches the server in memory, without a port.
func ExampleServer_Client() {
	srv := lanyardtest.New(t, lanyardtest.WithAlias("front-desk"))
	r, err := srv.Client().Get("https://connect.us-east-1.amazonaws.com/instance")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	fmt.Println(r.StatusCode == http.StatusOK)
	// Output:
	// true
}
