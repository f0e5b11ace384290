module rollcall/clients/sdktest

go 1.26.0

replace rollcall => ../..

require (
	github.com/Azure/azure-sdk-for-go/sdk/azcore v1.20.0
	github.com/Azure/azure-sdk-for-go/sdk/azidentity v1.15.0
	github.com/okta/okta-sdk-golang/v2 v2.20.0
	github.com/onelogin/onelogin-go-sdk/v4 v4.7.0
	google.golang.org/api v0.311.0
	rollcall v0.0.0
)
